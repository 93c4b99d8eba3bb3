import { record } from '../tensor/autograd.ts';
import { checkTensor } from '../tensor/placement.ts';
import { normalizeAxes, reducedShape, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { expandTo, reduce } from './primitive-calls.ts';

/** The sum over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. */
export function sum(x: Tensor, axis?: number | Shape, keepdim = false): Tensor {
  checkTensor('sum', x);
  const axes = normalizeAxes('sum', axis, x.rank);
  const from = x.shape;
  return record(reduce('sum', x, axes, keepdim), {
    name: 'sum',
    inputs: [x],
    backward: (dy) => [expandTo(new Tensor(dy, reducedShape(from, axes, true)), from)],
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** The sum over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. */
    sum(axis?: number | Shape, keepdim?: boolean): Tensor;
  }
}
