import type { BroadcastGeometry, ReduceGeometry } from '../devices/device.ts';
import { quote, ShapeError } from '../errors.ts';

/** The sizes of a tensor's axes, the slowest first: whole numbers >= 0; [] is a scalar. */
export type Shape = readonly number[];

/** A shape or axes, as a list or one by one. */
export type Listed = [list: Shape] | number[];

export const listOf = (listed: Listed): Shape =>
  Array.isArray(listed[0]) ? listed[0] : (listed as number[]);

export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** A shape that holds what a tensor can: whole sizes, none negative. */
export function checkShape(op: string, shape: Shape): Shape {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(`${op}: a shape is a list of whole numbers >= 0, got ${quote(shape)}`);
  }
  return shape;
}

/** Resolves an axis that may count from the end. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ShapeError(
      `${op}: axis ${quote(axis)} is out of range for rank ${rank}, want ${-rank}..${rank - 1}`,
    );
  }
  return resolved;
}

/** Resolves one axis, several, or (undefined) all of them, to ascending axes without repeats. */
export function normalizeAxes(op: string, axes: number | Shape | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const given = typeof axes === 'number' ? [axes] : axes;
  if (!Array.isArray(given)) {
    throw new ShapeError(`${op}: axis wants a whole number or a list of them, got ${quote(given)}`);
  }
  const list = given.map((axis) => normalizeAxis(op, axis, rank));
  if (new Set(list).size !== list.length) throw new ShapeError(`${op}: axes ${formatShape(list)} repeat`);
  return list.sort((a, b) => a - b);
}

/** NumPy's broadcasting rule: aligned from the last axis, sizes are equal or one of them is 1. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === size) continue;
      if (size !== 1) {
        throw new ShapeError(
          `${op}: shapes ${shapes.map(formatShape).join(' and ')} do not broadcast: axis ${axis - rank} has sizes ${size} and ${own}`,
        );
      }
      size = own;
    }
    return size;
  });
}

/** Strides that read `shape` as if it were `target`, 0 on the axes it is repeated over. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]));
}

/** The index space of operands of these shapes, with neighbouring axes merged where every operand allows it. */
export function broadcastGeometry(target: Shape, shapes: readonly Shape[]): BroadcastGeometry {
  const full = shapes.map((shape) => broadcastStrides(shape, target));
  const shape: number[] = [];
  const strides: number[][] = shapes.map(() => []);
  target.forEach((size, axis) => {
    if (size === 1) return;
    const last = shape.length - 1;
    const merges = last >= 0 && full.every((steps, operand) => strides[operand][last] === steps[axis] * size);
    if (merges) {
      shape[last] *= size;
      full.forEach((steps, operand) => {
        strides[operand][last] = steps[axis];
      });
    } else {
      shape.push(size);
      full.forEach((steps, operand) => {
        strides[operand].push(steps[axis]);
      });
    }
  });
  if (shape.length === 0) return { shape: [1], strides: shapes.map(() => [1]) };
  return { shape, strides };
}

/** Merges neighbouring axes that are kept or reduced alike. */
export function reduceGeometry(shape: Shape, axes: Shape): ReduceGeometry {
  const merged: number[] = [];
  const reduced: boolean[] = [];
  shape.forEach((size, axis) => {
    const isReduced = axes.includes(axis);
    if (size === 1 && merged.length > 0) return;
    if (merged.length > 0 && reduced[reduced.length - 1] === isReduced) merged[merged.length - 1] *= size;
    else {
      merged.push(size);
      reduced.push(isReduced);
    }
  });
  return merged.length === 0 ? { shape: [1], reduced: [axes.length > 0] } : { shape: merged, reduced };
}

/** The shape after reducing `axes`. */
export function reducedShape(shape: Shape, axes: Shape, keepdim: boolean): number[] {
  return keepdim
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
}
