import type { Tensor } from '../tensor/tensor.ts';
import { elementwise } from './elementwise.ts';

/** max(x, 0) */
export const relu = (x: Tensor): Tensor => elementwise('relu', x);

/** x > 0 ? x : negativeSlope * x */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor =>
  elementwise('leakyRelu', x, negativeSlope);

/** 1 / (1 + exp(-x)) */
export const sigmoid = (x: Tensor): Tensor => elementwise('sigmoid', x);

/** The hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => elementwise('tanh', x);

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Tensor): Tensor => elementwise('softplus', x);
