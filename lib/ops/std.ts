import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { choose, filled, unary, unaryGrad } from './primitive-calls.ts';
import { type VarianceOptions, variance } from './variance.ts';

/**
 * The square root of the variance over an axis, several, or (without) all; its gradient is 0 where it is 0, as in
 * PyTorch.
 */
export function std(x: Tensor, axis?: number | Shape, options?: VarianceOptions): Tensor {
  return tidy(() => {
    const squared = variance(x, axis, options);
    const output = unary('sqrt', squared);
    return record(output, {
      name: 'sqrt',
      attributes: { alpha: 0 },
      inputs: [squared],
      saved: [output],
      backward: (dy, [y]) => [choose(y, unaryGrad('sqrt', dy, y), filled(y.device, [], 0))],
    });
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** The square root of the variance over an axis, several, or (without) all. */
    std(axis?: number | Shape, options?: VarianceOptions): Tensor;
  }
}
