import { record } from '../tensor/autograd.ts';
import { checkTensor } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { normalizeAxis, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { binary, reduce, unary } from './primitive-calls.ts';

/** exp(x - m) / sum(exp(x - m)) along an axis, m being the largest x there. dx = y * (dy - sum(dy * y)). */
export function softmax(x: Tensor, axis: number): Tensor {
  checkTensor('softmax', x);
  const axes = [normalizeAxis('softmax', axis, x.rank)];
  const output = normalized(x, axes);
  return record(output, {
    name: 'softmax',
    attributes: { axis: axes[0] },
    inputs: [x],
    saved: [output],
    backward: (dy, [y]) => {
      const dot = reduce('sum', binary('mul', dy, y), axes, true);
      return [binary('mul', y, binary('sub', dy, dot))];
    },
  });
}

/** x - m - log(sum(exp(x - m))) along an axis, m being the largest x there. dx = dy - exp(y) * sum(dy). */
export function logSoftmax(x: Tensor, axis: number): Tensor {
  checkTensor('logSoftmax', x);
  const axes = [normalizeAxis('logSoftmax', axis, x.rank)];
  const output = logNormalized(x, axes);
  return record(output, {
    name: 'logSoftmax',
    inputs: [x],
    saved: [output],
    backward: (dy, [y]) => [binary('sub', dy, binary('mul', unary('exp', y), reduce('sum', dy, axes, true)))],
  });
}

const normalized = (x: Tensor, axes: Shape): Tensor =>
  tidy(() => {
    const powers = unary('exp', shifted(x, axes));
    return binary('div', powers, reduce('sum', powers, axes, true));
  });

const logNormalized = (x: Tensor, axes: Shape): Tensor =>
  tidy(() => {
    const difference = shifted(x, axes);
    return binary('sub', difference, unary('log', reduce('sum', unary('exp', difference), axes, true)));
  });

const shifted = (x: Tensor, axes: Shape): Tensor => binary('sub', x, reduce('max', x, axes, true));

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** exp(x) / sum(exp(x)) along an axis, without overflow. */
    softmax(axis: number): Tensor;
    /** The logarithm of `softmax`, without overflow. */
    logSoftmax(axis: number): Tensor;
  }
}
