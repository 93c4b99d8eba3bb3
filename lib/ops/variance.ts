import { resolveOptions } from '../arguments.ts';
import { record } from '../tensor/autograd.ts';
import { checkTensor } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { normalizeAxes, reducedShape, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { binary, choose, filled, reduce, sliced, unary } from './primitive-calls.ts';

/** The options of `variance` and `std`. */
export interface VarianceOptions {
  /** Divide by n - 1 (default) or by n. */
  unbiased?: boolean;
  /** Leave the reduced axes with size 1; default false. */
  keepdim?: boolean;
}

/** The variance over an axis, several, or (without) all, from the centred values. */
export function variance(x: Tensor, axis?: number | Shape, options: VarianceOptions = {}): Tensor {
  const { unbiased, keepdim } = resolveOptions('variance', options, { unbiased: true, keepdim: false });
  checkTensor('variance', x);
  const axes = normalizeAxes('variance', axis, x.rank);
  const count = axes.reduce((product, along) => product * x.shape[along], 1);
  const divisor = unbiased ? Math.max(0, count - 1) : count;
  const kept = reducedShape(x.shape, axes, true);
  const output = tidy(() => {
    const difference = centred(x, axes, count);
    const total = reduce('sum', binary('mul', difference, difference), axes, keepdim);
    return unary('mulScalar', total, 1 / divisor);
  });
  return record(output, {
    name: 'variance',
    inputs: [x],
    saved: [x],
    backward: (dy, [x]) => {
      const scale = unary('mulScalar', new Tensor(dy, kept), 2 / divisor);
      return [binary('mul', centred(x, axes, count), scale)];
    },
  });
}

/**
 * x less its mean over `axes`. The mean is taken of the distances from a value of x's own, so that equal values lie at
 * exactly 0: rounding would else give them a deviation, and that a gradient of any size.
 */
function centred(x: Tensor, axes: Shape, count: number): Tensor {
  const moved = count > 0 ? binary('sub', x, originOf(x, axes)) : x;
  return binary('sub', moved, unary('mulScalar', reduce('sum', moved, axes, true), 1 / count));
}

/** The first value along `axes`; 0 where it is NaN or infinite, and would spread. */
function originOf(x: Tensor, axes: Shape): Tensor {
  const first = sliced(
    x,
    reducedShape(x.shape, axes, true),
    x.shape.map(() => 0),
  );
  const zero = filled(x.device, [], 0);
  return choose(binary('eq', binary('sub', first, first), zero), first, zero);
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** The variance over an axis, several, or (without) all; divided by n - 1 unless `unbiased: false`. */
    var(axis?: number | Shape, options?: VarianceOptions): Tensor;
  }
}
