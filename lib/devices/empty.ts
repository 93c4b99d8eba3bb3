/**
 * What each primitive answers where a size is 0, so that no device launches a kernel over nothing: tensors without
 * values, a sum of no terms (0), the largest of none (-Infinity), a product over an empty axis (0, or the bias).
 */

import { DeviceError } from '../errors.ts';
import { defaultEpilogue } from './composed/epilogue.ts';
import type { BatchNormGeometry, Device, Primitives, ReduceOp, Storage } from './device.ts';

/** A storage without values, which takes no memory and is never handed to a device. */
export const emptyStorage = <S extends Storage>(): S => ({ length: 0 }) as S;

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
const isEmpty = ({ length }: Storage): boolean => length === 0;

/** Of a reduction of nothing. */
const IDENTITY: Readonly<Record<ReduceOp, number>> = { sum: 0, max: -Infinity, min: Infinity, argmax: 0 };

/** A primitive's answer where a size of the call is 0; undefined where none is. */
type Answers<S extends Storage> = {
  readonly [P in keyof Primitives<S>]: (
    device: Device<S>,
    ...args: Parameters<Primitives<S>[P]>
  ) => ReturnType<Primitives<S>[P]> | undefined;
};

/** Values of the largest storage: 4 GiB of them. */
export const MAX_LENGTH = 2 ** 30;

/** @throws DeviceError for what is no length of a storage, before memory is asked for it */
function checkLength({ name }: Device, length: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= MAX_LENGTH) return;
  throw new DeviceError(`${name}: a tensor of ${length} values; wants a whole number up to 2^30 (4 GiB)`);
}

/** An empty storage for an output of `length` values if there are none, else `value` throughout if an input is empty. */
function filled<S extends Storage>(
  device: Device<S>,
  length: number,
  inputs: readonly Storage[],
  value = 0,
): S | undefined {
  checkLength(device, length);
  if (length === 0) return emptyStorage();
  return inputs.some(isEmpty) ? device.fill(length, value) : undefined;
}

type Planes = Readonly<
  Record<'batch' | 'channels' | 'inHeight' | 'inWidth' | 'outHeight' | 'outWidth', number>
>;
const inputSize = (g: Planes): number => g.batch * g.channels * g.inHeight * g.inWidth;
const outputSize = (g: Planes): number => g.batch * g.channels * g.outHeight * g.outWidth;

/** The parts that have channels, and how many; undefined where all have. */
function fullParts<S extends Storage>(xs: readonly S[], { channels }: BatchNormGeometry) {
  if (!channels.includes(0)) return undefined;
  return { xs: xs.filter((_, i) => channels[i] > 0), channels: channels.filter((count) => count > 0) };
}

export const EMPTY_ANSWERS: Answers<Storage> = {
  fill: (device, length) => filled(device, length, []),
  unary: (device, _op, x) => filled(device, x.length, []),
  unaryGrad: (device, _op, dy) => filled(device, dy.length, []),
  binary: (device, _op, _a, _b, { shape }) => filled(device, product(shape), []),
  where: (device, _condition, _a, _b, { shape }) => filled(device, product(shape), []),
  reduce: (device, op, x, { shape, reduced }) =>
    filled(device, product(shape.filter((_, axis) => !reduced[axis])), [x], IDENTITY[op]),
  strided: (device, _x, { shape }) => filled(device, product(shape), []),
  pad: (device, x, { shape, before, after, interior, value }) => {
    const sizes = shape.map(
      (n, axis) => before[axis] + n + Math.max(0, n - 1) * interior[axis] + after[axis],
    );
    return filled(device, product(sizes), [x], value);
  },
  concat: (device, xs, { outer, sizes, inner }) => {
    const empty = filled(device, outer * sum(sizes) * inner, []);
    if (empty || !sizes.includes(0)) return empty;
    const full = xs.filter((_, i) => sizes[i] > 0);
    return device.concat(full, { outer, sizes: sizes.filter((size) => size > 0), inner });
  },
  matmul: (device, a, b, bias, { batch, m, n }) => {
    const empty = filled(device, batch * m * n, bias ? [] : [a, b]);
    if (empty || !bias || !isEmpty(a)) return empty;
    return device.strided(bias, { shape: [batch * m, n], strides: [0, 1], offset: 0 });
  },

  conv2d: (device, x, weight, bias, g, epilogue) => {
    const spatial = g.outHeight * g.outWidth;
    const length = g.batch * g.outChannels * spatial;
    const empty = filled(device, length, []);
    if (empty || (!isEmpty(x) && !isEmpty(weight))) return empty;
    const sums = bias
      ? device.strided(bias, { shape: [g.batch, g.outChannels, spatial], strides: [0, 1, 0], offset: 0 })
      : device.fill(length, 0);
    return epilogue ? defaultEpilogue(device, sums, epilogue) : sums;
  },
  conv2dInputGrad: (device, dy, weight, g) =>
    filled(device, g.batch * g.inChannels * g.inHeight * g.inWidth, [dy, weight]),
  conv2dWeightGrad: (device, x, dy, g) =>
    filled(device, g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth, [x, dy]),

  maxPool2d: (device, _x, g) => {
    const output = filled(device, outputSize(g), []);
    return output && { output, indices: emptyStorage() };
  },
  maxPool2dGrad: (device, dy, _indices, g) => filled(device, inputSize(g), [dy]),
  avgPool2d: (device, x, g) => filled(device, outputSize(g), [x]),
  avgPool2dGrad: (device, dy, g) => filled(device, inputSize(g), [dy]),
  adaptiveAvgPool2d: (device, x, g) => filled(device, outputSize(g), [x]),
  adaptiveAvgPool2dGrad: (device, dy, g) => filled(device, inputSize(g), [dy]),

  batchNormStatistics: (device, x, { channels }) => {
    const mean = filled(device, channels, [x], Number.NaN);
    return mean && { mean, variance: isEmpty(mean) ? emptyStorage() : device.fill(channels, Number.NaN) };
  },
  batchNorm: (device, xs, operands, geometry) => {
    if (xs.every(isEmpty)) return emptyStorage();
    const full = fullParts(xs, geometry);
    return full && device.batchNorm(full.xs, operands, { ...geometry, channels: full.channels });
  },
  batchNormGrad: (device, dy, xs, operands, geometry) => {
    if (xs.every(isEmpty)) {
      const perChannel = () => device.fill(operands.mean.length, 0);
      return {
        inputs: xs.map(() => emptyStorage()),
        weight: perChannel(),
        bias: perChannel(),
        residual: geometry.relu && operands.residual ? emptyStorage() : null,
      };
    }
    const full = fullParts(xs, geometry);
    if (!full) return undefined;
    const grads = device.batchNormGrad(dy, full.xs, operands, { ...geometry, channels: full.channels });
    return {
      ...grads,
      inputs: xs.map((x) => (isEmpty(x) ? emptyStorage() : (grads.inputs.shift() as Storage))),
    };
  },

  sgdStep: (_device, param, _grad, velocity, { momentum }) =>
    isEmpty(param) ? { param, velocity: momentum === 0 ? null : (velocity ?? emptyStorage()) } : undefined,
  adamStep: (_device, param, _grad, mean, square) => (isEmpty(param) ? { param, mean, square } : undefined),
};
