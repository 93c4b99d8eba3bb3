/** The device's primitives from tensors to tensors, outside the gradient tape: what ops are built from. */
import { checkNumber } from '../arguments.ts';
import type { BinaryOp, Device, ReduceOp, UnaryGradOp, UnaryOp } from '../devices/device.ts';
import { checkTensor, sharedDevice } from '../tensor/placement.ts';
import {
  broadcastGeometry,
  broadcastShapes,
  broadcastStrides,
  reducedShape,
  reduceGeometry,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

export function filled(device: Device, shape: Shape, value: number): Tensor {
  checkNumber('full: the value', value);
  return new Tensor({ device, storage: device.fill(sizeOf(shape), value) }, shape);
}

/** op(x), elementwise. */
export function unary(op: UnaryOp, x: Tensor, alpha = 0): Tensor {
  checkTensor(op, x);
  const { device } = x;
  checkNumber(`${op}: the number`, alpha);
  return new Tensor({ device, storage: device.unary(op, x.storage, alpha) }, x.shape);
}

/** dy * op'(x), from x or op(x) as DERIVATIVE_FROM says. */
export function unaryGrad(op: UnaryGradOp, dy: Tensor, saved: Tensor, alpha = 0): Tensor {
  const { device } = dy;
  return new Tensor({ device, storage: device.unaryGrad(op, dy.storage, saved.storage, alpha) }, dy.shape);
}

/** op(a, b), elementwise with broadcasting. */
export function binary(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const device = sharedDevice(op, a, b);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const geometry = broadcastGeometry(shape, [a.shape, b.shape]);
  return new Tensor({ device, storage: device.binary(op, a.storage, b.storage, geometry) }, shape);
}

/** condition != 0 ? a : b, elementwise with broadcasting. */
export function choose(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const device = sharedDevice('where', condition, a, b);
  const shapes = [condition.shape, a.shape, b.shape];
  const shape = broadcastShapes('where', ...shapes);
  const geometry = broadcastGeometry(shape, shapes);
  return new Tensor(
    { device, storage: device.where(condition.storage, a.storage, b.storage, geometry) },
    shape,
  );
}

/** `axes` are resolved. */
export function reduce(op: ReduceOp, x: Tensor, axes: Shape, keepdim = false): Tensor {
  const { device } = x;
  const storage = device.reduce(op, x.storage, reduceGeometry(x.shape, axes));
  return new Tensor({ device, storage }, reducedShape(x.shape, axes, keepdim));
}

export const allAxes = ({ shape }: Tensor): number[] => shape.map((_, axis) => axis);

/** The gradient of broadcasting `shape` to dy's: dy summed over the axes that were repeated. */
export function sumTo(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const lead = dy.rank - shape.length;
  const axes = dy.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  const { device } = dy;
  return new Tensor(
    { device, storage: device.reduce('sum', dy.storage, reduceGeometry(dy.shape, axes)) },
    shape,
  );
}

/** x repeated to `shape`, which it broadcasts to. */
export const expandTo = (x: Tensor, shape: Shape): Tensor =>
  strided(x, shape, broadcastStrides(x.shape, shape));

/** out[i0, i1, ...] = x[offset + i0*strides[0] + ...]; a second handle on x where that is x itself. */
export function strided(x: Tensor, shape: Shape, strides: Shape, offset = 0): Tensor {
  const merged: number[] = [];
  const steps: number[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = merged.length - 1;
    if (last >= 0 && steps[last] === strides[axis] * size) {
      merged[last] *= size;
      steps[last] = strides[axis];
    } else {
      merged.push(size);
      steps.push(strides[axis]);
    }
  });
  const isContiguous = merged.length === 0 || (merged.length === 1 && steps[0] === 1);
  if (isContiguous && sizeOf(shape) === x.size) return new Tensor(x, shape);
  const { device } = x;
  const geometry =
    merged.length === 0 ? { shape: [1], strides: [1], offset } : { shape: merged, strides: steps, offset };
  return new Tensor({ device, storage: device.strided(x.storage, geometry) }, shape);
}

/** One axis' part of a padding. */
interface AxisPadding {
  readonly before: number;
  readonly after: number;
  /** Values between neighbours; default 0. */
  readonly interior?: number;
}

/** x with `value` around and between its values. Axes that `paddings` does not name stay as they are. */
export function padded(x: Tensor, paddings: ReadonlyMap<number, AxisPadding>, value = 0): Tensor {
  const none = { before: 0, after: 0, interior: 0 };
  const all = x.shape.map((_, axis) => ({ ...none, ...paddings.get(axis) }));
  const shape = x.shape.map(
    (size, axis) => all[axis].before + size + Math.max(size - 1, 0) * all[axis].interior + all[axis].after,
  );
  const { device } = x;
  checkNumber('pad: value', value);
  const isPadded = all.map(({ before, after, interior }) => before + after + interior > 0);
  if (!isPadded.includes(true)) return new Tensor(x, shape);
  const merged: { size: number; before: number; after: number; interior: number; isPadded: boolean }[] = [];
  x.shape.forEach((size, axis) => {
    const last = merged.at(-1);
    if (last && !isPadded[axis] && last.interior === 0) {
      last.size *= size;
      last.before *= size;
      last.after *= size;
    } else merged.push({ size, ...all[axis], isPadded: isPadded[axis] });
  });
  const geometry = {
    shape: merged.map(({ size }) => size),
    before: merged.map(({ before }) => before),
    after: merged.map(({ after }) => after),
    interior: merged.map(({ interior }) => interior),
    value,
  };
  return new Tensor({ device, storage: device.pad(x.storage, geometry) }, shape);
}

/** The part of x that starts at `starts` and steps by `steps`, of the given shape. */
export function sliced(x: Tensor, shape: Shape, starts: Shape, steps?: Shape): Tensor {
  const strides = stridesOf(x.shape);
  const offset = starts.reduce((sum, start, axis) => sum + start * strides[axis], 0);
  return strided(x, shape, steps ? strides.map((stride, axis) => stride * steps[axis]) : strides, offset);
}
