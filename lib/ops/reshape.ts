import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { formatShape, type Listed, listOf, normalizeAxis, type Shape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/**
 * The same values, row by row, under another shape, in which one size may be -1, what is left:
 * `reshape(x, 2, -1)`, `reshape(x, [2, -1])`. Copies nothing.
 * @throws ShapeError if the number of values differs
 */
export function reshape(x: Tensor, ...shape: Listed): Tensor {
  const from = x.shape;
  return record(new Tensor(x, resolve(x, listOf(shape))), {
    name: 'reshape',
    inputs: [x],
    backward: (dy) => [new Tensor(dy, from)],
  });
}

function resolve(x: Tensor, shape: Shape): Shape {
  const open = shape.indexOf(-1);
  const known = sizeOf(shape.filter((_, axis) => axis !== open));
  if (open >= 0 && known === 0) {
    throw new ShapeError(`reshape: -1 in ${formatShape(shape)} could be any size beside a 0; name it`);
  }
  const resolved = open < 0 ? shape : shape.with(open, x.size / known);
  if (!resolved.every((size) => Number.isInteger(size) && size >= 0) || sizeOf(resolved) !== x.size) {
    throw new ShapeError(
      `reshape: ${formatShape(x.shape)} has ${x.size} values, they do not fill ${formatShape(shape)}`,
    );
  }
  return resolved;
}

/**
 * Merges the axes from `start` (default 0) to `end` (default -1, the last) into one, as torch.flatten. Copies nothing.
 * @throws ShapeError for an axis out of range, or a start after the end
 */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1]);
  const first = normalizeAxis('flatten', start, x.rank);
  const last = normalizeAxis('flatten', end, x.rank);
  if (first > last) throw new ShapeError(`flatten: the first axis, ${start}, comes after the last, ${end}`);
  const merged = sizeOf(x.shape.slice(first, last + 1));
  return reshape(x, [...x.shape.slice(0, first), merged, ...x.shape.slice(last + 1)]);
}

/** Adds an axis of size 1 before `axis`, which may be the rank. Copies nothing. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  return reshape(x, x.shape.toSpliced(normalizeAxis('unsqueeze', axis, x.rank + 1), 0, 1));
}

/** Drops an axis if its size is 1, or (without) every such axis. Copies nothing. */
export function squeeze(x: Tensor, axis?: number): Tensor {
  const only = axis === undefined ? undefined : normalizeAxis('squeeze', axis, x.rank);
  return reshape(
    x,
    x.shape.filter((size, i) => size !== 1 || (only !== undefined && only !== i)),
  );
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * The same values, row by row, under another shape, in which one size may be -1, what is left:
     * `reshape(2, -1)`, `reshape([2, -1])`. Copies nothing.
     * @throws ShapeError if the number of values differs
     */
    reshape(...shape: Listed): Tensor;
    /** Merges the axes from `start` (default 0) to `end` (default -1, the last) into one. Copies nothing. */
    flatten(start?: number, end?: number): Tensor;
    /** Adds an axis of size 1 before `axis`, which may be the rank. Copies nothing. */
    unsqueeze(axis: number): Tensor;
    /** Drops an axis if its size is 1, or (without) every such axis. Copies nothing. */
    squeeze(axis?: number): Tensor;
  }
}
