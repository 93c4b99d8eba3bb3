import { resolveOptions } from '../arguments.ts';
import { record } from '../tensor/autograd.ts';
import { checkTensor } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { normalizeAxes, reducedShape, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { binary, reduce, unary } from './primitive-calls.ts';

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

/** x less its mean over `axes`. */
function centred(x: Tensor, axes: Shape, count: number): Tensor {
  return binary('sub', x, unary('mulScalar', reduce('sum', x, axes, true), 1 / count));
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** The variance over an axis, several, or (without) all; divided by n - 1 unless `unbiased: false`. */
    var(axis?: number | Shape, options?: VarianceOptions): Tensor;
  }
}
