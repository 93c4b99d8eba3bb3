/** Elementwise functions of one tensor. */
import { record } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { elementwise } from './elementwise.ts';
import { unary } from './primitive-calls.ts';

/** |x| of each value. */
export const abs = (x: Tensor): Tensor => elementwise('abs', x);

/** e^x of each value. */
export const exp = (x: Tensor): Tensor => elementwise('exp', x);

/** The natural logarithm of each value. */
export const log = (x: Tensor): Tensor => elementwise('log', x);

/** The square root of each value. */
export const sqrt = (x: Tensor): Tensor => elementwise('sqrt', x);

/** 1 / x of each value. */
export const reciprocal = (x: Tensor): Tensor => elementwise('reciprocal', x);

/** -1, 0 or 1 as each value is below, at or above 0; its gradient is 0. */
export function sign(x: Tensor): Tensor {
  return record(unary('sign', x), {
    name: 'sign',
    inputs: [x],
    backward: (dy) => [unary('mulScalar', dy, 0)],
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
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
    /** 1 / x of each value. */
    reciprocal(): Tensor;
  }
}
