import { currentDevice } from '../devices/select.ts';
import { ShapeError } from '../errors.ts';
import { generator } from './random.ts';
import { checkShape, formatShape, type Shape, sizeOf } from './shape.ts';
import { Tensor } from './tensor.ts';

export interface TensorOptions {
  /** Default false. */
  requiresGrad?: boolean;
}

/** Numbers in nested arrays of one size per level. */
export type NestedArray = number | readonly NestedArray[];

/** A tensor of given values. */
function fromData(data: Float32Array, shape: Shape, { requiresGrad = false }: TensorOptions = {}): Tensor {
  if (data.length !== sizeOf(checkShape('tensor', shape))) {
    throw new ShapeError(
      `tensor: shape ${formatShape(shape)} wants ${sizeOf(shape)} values, got ${data.length}`,
    );
  }
  const device = currentDevice();
  return new Tensor({ device, storage: device.upload(data) }, shape, requiresGrad);
}

/**
 * A tensor on the current device with a copy of `values`: nested arrays, whose nesting is the shape, or flat numbers
 * with the shape given.
 * @throws ShapeError for ragged arrays, and where the values do not fill the shape
 */
export function tensor(values: NestedArray | Float32Array, shape?: Shape, options?: TensorOptions): Tensor {
  if (values instanceof Float32Array) return fromData(values, shape ?? [values.length], options);
  const found: number[] = [];
  for (let level = values; typeof level !== 'number'; level = level[0] ?? 0) found.push(level.length);
  const data: number[] = [];
  flatten(values, found, 0, data);
  return fromData(Float32Array.from(data), shape ?? found, options);
}

function flatten(values: NestedArray, shape: Shape, level: number, out: number[]): void {
  if (typeof values === 'number' ? level !== shape.length : values.length !== shape[level]) {
    throw new ShapeError(
      `tensor: ragged arrays: at depth ${level} not every entry has the size of the first`,
    );
  }
  if (typeof values === 'number') out.push(values);
  else for (const value of values) flatten(value, shape, level + 1, out);
}

/** A tensor full of one value. */
export function full(shape: Shape, value: number, { requiresGrad = false }: TensorOptions = {}): Tensor {
  const device = currentDevice();
  return new Tensor(
    { device, storage: device.fill(sizeOf(checkShape('full', shape)), value) },
    shape,
    requiresGrad,
  );
}

/** A tensor of zeros. */
export const zeros = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 0, options);

/** A tensor of ones. */
export const ones = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 1, options);

/** Uniform in [0, 1), from the seeded generator. */
export const rand = (shape: Shape, options?: TensorOptions): Tensor =>
  fromData(generator.uniform(sizeOf(checkShape('rand', shape))), shape, options);

/** Standard normal, from the seeded generator. */
export const randn = (shape: Shape, options?: TensorOptions): Tensor =>
  fromData(generator.normal(sizeOf(checkShape('randn', shape))), shape, options);

/** start, start + step, ... up to but without `end`. @throws ShapeError where that never ends */
export function arange(start: number, end: number, step = 1, options?: TensorOptions): Tensor {
  if (!Number.isFinite((end - start) / step)) {
    throw new ShapeError(`arange: ${start} to ${end} by ${step} never ends`);
  }
  const length = Math.max(0, Math.ceil((end - start) / step));
  return fromData(
    Float32Array.from({ length }, (_, i) => start + i * step),
    [length],
    options,
  );
}
