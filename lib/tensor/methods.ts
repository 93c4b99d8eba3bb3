import type { Device } from '../devices/device.ts';
import * as ops from '../ops/index.ts';
import { type BackwardOptions, backward } from './autograd.ts';
import type { Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** A shape or axes, as a list or one by one. */
export type Listed = [list: Shape] | number[];

/** The ops as methods of tensors. An operand may be a tensor, a number, or nested lists, which broadcast alike. */
export interface TensorMethods {
  /** This + other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
  add(other: ops.Operand): Tensor;
  /** This - other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
  sub(other: ops.Operand): Tensor;
  /** This * other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
  mul(other: ops.Operand): Tensor;
  /** This / other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
  div(other: ops.Operand): Tensor;
  /** This to the power of the exponent, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
  pow(exponent: ops.Operand): Tensor;
  /** The larger of this and other, elementwise with broadcasting; equal ones share the gradient half and half. */
  maximum(other: ops.Operand): Tensor;
  /** The smaller of this and other, elementwise with broadcasting; equal ones share the gradient half and half. */
  minimum(other: ops.Operand): Tensor;
  /**
   * The matrix product `[..., m, k] @ [..., k, n]`, with torch.matmul's rules for vectors and batches.
   * @throws ShapeError if the inner sizes differ, one of both is a scalar, or batches do not broadcast
   */
  matmul(other: ops.Operand): Tensor;

  /** -x of each value. */
  neg(): Tensor;
  /** |x| of each value. */
  abs(): Tensor;
  /** -1, 0 or 1 as each value is below, at or above 0; its gradient is 0. */
  sign(): Tensor;
  /** e^x of each value. */
  exp(): Tensor;
  /** The natural logarithm of each value. */
  log(): Tensor;
  /** The square root of each value. */
  sqrt(): Tensor;
  /** x^2 of each value. */
  square(): Tensor;
  /** 1 / x of each value. */
  reciprocal(): Tensor;
  /**
   * min(max(x, min), max) of each value: `clamp({ min: 0 })`, `clamp(0, 1)`. The gradient passes where min <= x <= max.
   * @throws ShapeError with neither bound
   */
  clamp(...bounds: ops.ClampBounds): Tensor;
  /** max(x, 0) of each value. */
  relu(): Tensor;
  /** x where x > 0, else negativeSlope * x, of each value. @param negativeSlope default 0.01 */
  leakyRelu(negativeSlope?: number): Tensor;
  /** 1 / (1 + exp(-x)) of each value. */
  sigmoid(): Tensor;
  /** The hyperbolic tangent of each value. */
  tanh(): Tensor;
  /** log(1 + exp(x)) of each value, without overflow. */
  softplus(): Tensor;
  /** exp(x) / sum(exp(x)) along an axis, without overflow. */
  softmax(axis: number): Tensor;
  /** The logarithm of `softmax`, without overflow. */
  logSoftmax(axis: number): Tensor;

  /** 1 where this = other, else 0, elementwise with broadcasting; no comparison has a gradient. */
  eq(other: ops.Operand): Tensor;
  /** 1 where this is not other, else 0, elementwise with broadcasting. */
  ne(other: ops.Operand): Tensor;
  /** 1 where this > other, else 0, elementwise with broadcasting. */
  gt(other: ops.Operand): Tensor;
  /** 1 where this >= other, else 0, elementwise with broadcasting. */
  ge(other: ops.Operand): Tensor;
  /** 1 where this < other, else 0, elementwise with broadcasting. */
  lt(other: ops.Operand): Tensor;
  /** 1 where this <= other, else 0, elementwise with broadcasting. */
  le(other: ops.Operand): Tensor;
  /** This where the condition is not 0, else `other`, elementwise with broadcasting. */
  where(condition: Tensor, other: ops.Operand): Tensor;

  /**
   * This on another device, differentiably; itself where it is there already.
   * @throws DeviceError where its device has no synchronous read: there `tensor(await x.data(), x.shape, { device })`
   *   makes a copy, which has no gradient
   */
  to(device: Device): Tensor;

  /** The sum over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. */
  sum(axis?: number | Shape, keepdim?: boolean): Tensor;
  /** The mean over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. */
  mean(axis?: number | Shape, keepdim?: boolean): Tensor;
  /**
   * The largest value over an axis, several, or (without) all; equal ones share the gradient evenly, as torch.amax's.
   * @throws ShapeError if there is nothing to choose from
   */
  max(axis?: number | Shape, keepdim?: boolean): Tensor;
  /** The smallest value over an axis, several, or (without) all, otherwise as `max`. */
  min(axis?: number | Shape, keepdim?: boolean): Tensor;
  /**
   * The index of the first largest value along an axis, or (without) in the flattened tensor; it has no gradient.
   * @throws ShapeError if there is nothing to choose from
   */
  argmax(axis?: number, keepdim?: boolean): Tensor;
  /** The variance over an axis, several, or (without) all; divided by n - 1 unless `unbiased: false`. */
  var(axis?: number | Shape, options?: ops.VarianceOptions): Tensor;
  /** The square root of the variance over an axis, several, or (without) all. */
  std(axis?: number | Shape, options?: ops.VarianceOptions): Tensor;

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
  /**
   * Axis i of the result is axis `order[i]` of this: `permute(0, 2, 1)`, `permute([0, 2, 1])`.
   * @throws ShapeError if the order does not name each axis once
   */
  permute(...order: Listed): Tensor;
  /** Exchanges two axes. */
  transpose(axis0: number, axis1: number): Tensor;
  /**
   * Repeats axes of size 1, and adds leading ones, up to a shape, in which -1 keeps a size: `expand(4, -1)`.
   * @throws ShapeError where another size than 1 would change
   */
  expand(...shape: Listed): Tensor;
  /**
   * Puts `value` (default 0) at the edges, with two counts an axis from the last to the first:
   * [left, right, top, bottom, ...]. Negative counts cut.
   * @throws ShapeError if the padding does not fit, or cuts more than there is
   */
  pad(padding: Shape, value?: number): Tensor;
  /** x[..., start:end:step, ...] along an axis, with Python's rules; by default all of it. */
  slice(axis: number, start?: number, end?: number, step?: number): Tensor;
  /** x[..., index, ...]: one index of an axis, which is dropped. @throws ShapeError if it is out of range */
  select(axis: number, index: number): Tensor;
  /** Parts of a size along an axis (default 0), the last one smaller if need be; or of the given sizes. */
  split(size: number | readonly number[], axis?: number): Tensor[];
  /** At most this many parts of one size along an axis (default 0), the last one smaller if need be. */
  chunk(chunks: number, axis?: number): Tensor[];

  /** Overwrites the values with those of `source`, which broadcasts to this shape; inside `noGrad` for parameters. */
  copy_(source: Tensor): Tensor;

  /**
   * Accumulates d(this)/d(leaf) into `grad` of every leaf that wants it, and frees the graph on the way unless told to
   * retain it.
   * @param gradient of this tensor, in its shape; one of a single value may leave it out (1)
   * @throws AutogradError for a tensor without a graph, or one whose graph was freed
   */
  backward(gradient?: Tensor, options?: BackwardOptions): void;
  /** The same for a single value, with options. */
  backward(options: BackwardOptions): void;
}

declare module './tensor.ts' {
  interface Tensor extends TensorMethods {}
}

/** A function of a tensor and more, as a method. */
const method = <Args extends unknown[], R>(op: (x: Tensor, ...args: Args) => R) =>
  function (this: Tensor, ...args: Args): R {
    return op(this, ...args);
  };

const listOf = (list: Listed): Shape => (Array.isArray(list[0]) ? list[0] : (list as number[]));

const methods: TensorMethods = {
  add: method(ops.add),
  sub: method(ops.sub),
  mul: method(ops.mul),
  div: method(ops.div),
  pow: method(ops.pow),
  maximum: method(ops.maximum),
  minimum: method(ops.minimum),
  matmul: method(ops.matmul),
  neg: method(ops.neg),
  abs: method(ops.abs),
  sign: method(ops.sign),
  exp: method(ops.exp),
  log: method(ops.log),
  sqrt: method(ops.sqrt),
  square: method(ops.square),
  reciprocal: method(ops.reciprocal),
  clamp: method(ops.clamp),
  relu: method(ops.relu),
  leakyRelu: method(ops.leakyRelu),
  sigmoid: method(ops.sigmoid),
  tanh: method(ops.tanh),
  softplus: method(ops.softplus),
  softmax: method(ops.softmax),
  logSoftmax: method(ops.logSoftmax),
  eq: method(ops.eq),
  ne: method(ops.ne),
  gt: method(ops.gt),
  ge: method(ops.ge),
  lt: method(ops.lt),
  le: method(ops.le),
  where: method((x, condition: Tensor, other: ops.Operand) => ops.where(condition, x, other)),
  to: method(ops.to),
  sum: method(ops.sum),
  mean: method(ops.mean),
  max: method(ops.max),
  min: method(ops.min),
  argmax: method(ops.argmax),
  var: method(ops.variance),
  std: method(ops.std),
  reshape: method((x, ...list: Listed) => ops.reshape(x, listOf(list))),
  flatten: method(ops.flatten),
  unsqueeze: method(ops.unsqueeze),
  squeeze: method(ops.squeeze),
  permute: method((x, ...list: Listed) => ops.permute(x, listOf(list))),
  transpose: method(ops.transpose),
  expand: method((x, ...list: Listed) => ops.expand(x, listOf(list))),
  pad: method(ops.pad),
  slice: method(ops.slice),
  select: method(ops.select),
  split: method(ops.split),
  chunk: method(ops.chunk),
  copy_: method(ops.copy_),
  backward: method(backward),
};
Object.assign(Tensor.prototype, methods);
