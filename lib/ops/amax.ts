import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { checkTensor } from '../tensor/placement.ts';
import { formatShape, normalizeAxes, reducedShape, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { binary, reduce } from './primitive-calls.ts';

/**
 * The largest value over an axis, several, or (without) all; `keepdim` (default false) leaves them with size 1. Equal
 * ones share the gradient evenly, as torch.amax's.
 * @throws ShapeError if there is nothing to choose from
 */
export const max = (x: Tensor, axis?: number | Shape, keepdim = false): Tensor =>
  extremumOverAxes('max', x, axis, keepdim);

/** The smallest value over an axis, several, or (without) all, otherwise as `max`, errors and the default of `keepdim` included. */
export const min = (x: Tensor, axis?: number | Shape, keepdim = false): Tensor =>
  extremumOverAxes('min', x, axis, keepdim);

function extremumOverAxes(
  op: 'max' | 'min',
  x: Tensor,
  axis: number | Shape | undefined,
  keepdim: boolean,
): Tensor {
  checkTensor(op, x);
  const axes = normalizeAxes(op, axis, x.rank);
  if (axes.some((along) => x.shape[along] === 0)) {
    throw new ShapeError(`${op}: no values to choose from in shape ${formatShape(x.shape)}`);
  }
  const kept = reducedShape(x.shape, axes, true);
  const output = reduce(op, x, axes, keepdim);
  return record(output, {
    name: op,
    inputs: [x],
    saved: [x, output],
    backward: (dy, [x, output]) => {
      const winners = binary('eq', x, new Tensor(output, kept));
      const share = binary('div', new Tensor(dy, kept), reduce('sum', winners, axes, true));
      return [binary('mul', winners, share)];
    },
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * The largest value over an axis, several, or (without) all; equal ones share the gradient evenly, as torch.amax's.
     * `keepdim` (default false) leaves the axes with size 1.
     * @throws ShapeError if there is nothing to choose from
     */
    max(axis?: number | Shape, keepdim?: boolean): Tensor;
    /** The smallest value over an axis, several, or (without) all, otherwise as `max`. */
    min(axis?: number | Shape, keepdim?: boolean): Tensor;
  }
}
