import { checkTensor } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { normalizeAxes, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { mul } from './mul.ts';
import { sum } from './sum.ts';

/** The mean over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. */
export function mean(x: Tensor, axis?: number | Shape, keepdim = false): Tensor {
  checkTensor('mean', x);
  const count = normalizeAxes('mean', axis, x.rank).reduce((product, along) => product * x.shape[along], 1);
  return tidy(() => mul(sum(x, axis, keepdim), 1 / count));
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** The mean over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. */
    mean(axis?: number | Shape, keepdim?: boolean): Tensor;
  }
}
