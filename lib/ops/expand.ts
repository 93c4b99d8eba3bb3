import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { formatShape, type Listed, listOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { expandTo, sumTo } from './primitive-calls.ts';

/**
 * Repeats axes of size 1, and adds leading ones, up to a shape, in which -1 keeps a size: `expand(x, 4, -1)`.
 * @throws ShapeError where another size than 1 would change
 */
export function expand(x: Tensor, ...listed: Listed): Tensor {
  const shape = listOf(listed);
  const from = x.shape;
  const lead = shape.length - from.length;
  const target = shape.map((size, axis) => (size === -1 && axis >= lead ? from[axis - lead] : size));
  const fits = (size: number, axis: number) =>
    axis < lead || from[axis - lead] === 1 ? Number.isInteger(size) && size >= 0 : size === from[axis - lead];
  if (lead < 0 || !target.every(fits)) {
    throw new ShapeError(`expand: ${formatShape(from)} does not expand to ${formatShape(shape)}`);
  }
  return record(expandTo(x, target), {
    name: 'expand',
    inputs: [x],
    backward: (dy) => [sumTo(dy, from)],
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * Repeats axes of size 1, and adds leading ones, up to a shape, in which -1 keeps a size: `expand(4, -1)`.
     * @throws ShapeError where another size than 1 would change
     */
    expand(...shape: Listed): Tensor;
  }
}
