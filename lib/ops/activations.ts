import type { Tensor } from '../tensor/tensor.ts';
import { elementwise } from './elementwise.ts';

/** max(x, 0) of each value. */
export const relu = (x: Tensor): Tensor => elementwise('relu', x);

/** x where x > 0, else negativeSlope (default 0.01) * x, of each value. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor =>
  elementwise('leakyRelu', x, negativeSlope);

/** 1 / (1 + exp(-x)) of each value. */
export const sigmoid = (x: Tensor): Tensor => elementwise('sigmoid', x);

/** The hyperbolic tangent of each value. */
export const tanh = (x: Tensor): Tensor => elementwise('tanh', x);

/** log(1 + exp(x)) of each value, without overflow. */
export const softplus = (x: Tensor): Tensor => elementwise('softplus', x);

declare module '../tensor/tensor.ts' {
  interface Tensor {
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
  }
}
