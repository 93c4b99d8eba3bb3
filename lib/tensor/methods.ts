import * as ops from '../ops/index.ts';
import { backward } from './autograd.ts';
import type { Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** The ops as methods of tensors; each is documented where it is defined, in lib/ops. */
export interface TensorMethods {
  add(other: Tensor | number): Tensor;
  sub(other: Tensor | number): Tensor;
  mul(other: Tensor | number): Tensor;
  div(other: Tensor | number): Tensor;
  pow(exponent: Tensor | number): Tensor;
  maximum(other: Tensor): Tensor;
  minimum(other: Tensor): Tensor;
  matmul(other: Tensor): Tensor;

  neg(): Tensor;
  abs(): Tensor;
  sign(): Tensor;
  exp(): Tensor;
  log(): Tensor;
  sqrt(): Tensor;
  square(): Tensor;
  reciprocal(): Tensor;
  clamp(options: ops.ClampOptions): Tensor;
  relu(): Tensor;
  leakyRelu(negativeSlope?: number): Tensor;
  sigmoid(): Tensor;
  tanh(): Tensor;
  softplus(): Tensor;
  softmax(axis: number): Tensor;
  logSoftmax(axis: number): Tensor;

  eq(other: Tensor | number): Tensor;
  ne(other: Tensor | number): Tensor;
  gt(other: Tensor | number): Tensor;
  ge(other: Tensor | number): Tensor;
  lt(other: Tensor | number): Tensor;
  le(other: Tensor | number): Tensor;
  /** This where the condition is not 0, else `other`. */
  where(condition: Tensor, other: Tensor | number): Tensor;

  sum(axis?: number | Shape, keepdim?: boolean): Tensor;
  mean(axis?: number | Shape, keepdim?: boolean): Tensor;
  max(axis?: number | Shape, keepdim?: boolean): Tensor;
  min(axis?: number | Shape, keepdim?: boolean): Tensor;
  argmax(axis?: number, keepdim?: boolean): Tensor;
  /** The variance. */
  var(axis?: number | Shape, options?: ops.VarianceOptions): Tensor;
  std(axis?: number | Shape, options?: ops.VarianceOptions): Tensor;

  reshape(shape: Shape): Tensor;
  flatten(start?: number, end?: number): Tensor;
  unsqueeze(axis: number): Tensor;
  squeeze(axis?: number): Tensor;
  permute(order: Shape): Tensor;
  transpose(axis0: number, axis1: number): Tensor;
  expand(shape: Shape): Tensor;
  pad(padding: Shape, value?: number): Tensor;
  slice(axis: number, start?: number, end?: number, step?: number): Tensor;
  select(axis: number, index: number): Tensor;
  split(size: number | readonly number[], axis?: number): Tensor[];
  chunk(chunks: number, axis?: number): Tensor[];

  /** Accumulates gradients into the leaves: see `backward` in autograd.ts. */
  backward(gradient?: Tensor, options?: { retainGraph?: boolean }): void;
}

declare module './tensor.ts' {
  interface Tensor extends TensorMethods {}
}

/** A function of a tensor and more, as a method. */
const method = <Args extends unknown[], R>(op: (x: Tensor, ...args: Args) => R) =>
  function (this: Tensor, ...args: Args): R {
    return op(this, ...args);
  };

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
  where: method((x, condition: Tensor, other: Tensor | number) => ops.where(condition, x, other)),
  sum: method(ops.sum),
  mean: method(ops.mean),
  max: method(ops.max),
  min: method(ops.min),
  argmax: method(ops.argmax),
  var: method(ops.variance),
  std: method(ops.std),
  reshape: method(ops.reshape),
  flatten: method(ops.flatten),
  unsqueeze: method(ops.unsqueeze),
  squeeze: method(ops.squeeze),
  permute: method(ops.permute),
  transpose: method(ops.transpose),
  expand: method(ops.expand),
  pad: method(ops.pad),
  slice: method(ops.slice),
  select: method(ops.select),
  split: method(ops.split),
  chunk: method(ops.chunk),
  backward: method(backward),
};
Object.assign(Tensor.prototype, methods);
