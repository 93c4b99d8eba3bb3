import { ShapeError } from '../errors.ts';
import { checkTensor } from '../tensor/placement.ts';
import { formatShape, normalizeAxis } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { reduce } from './primitive-calls.ts';

/**
 * The index of the first largest value along an axis, or (without) in the flattened tensor, as torch.argmax; it has no
 * gradient. `keepdim` (default false) leaves the axis with size 1.
 * @throws ShapeError if there is nothing to choose from
 */
export function argmax(x: Tensor, axis?: number, keepdim = false): Tensor {
  checkTensor('argmax', x);
  const axes =
    axis === undefined ? x.shape.map((_, along) => along) : [normalizeAxis('argmax', axis, x.rank)];
  if (axes.some((along) => x.shape[along] === 0)) {
    throw new ShapeError(`argmax: no values to choose from in shape ${formatShape(x.shape)}`);
  }
  return reduce('argmax', x, axes, keepdim);
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * The index of the first largest value along an axis, or (without) in the flattened tensor; it has no gradient.
     * `keepdim` (default false) leaves the axis with size 1.
     * @throws ShapeError if there is nothing to choose from
     */
    argmax(axis?: number, keepdim?: boolean): Tensor;
  }
}
