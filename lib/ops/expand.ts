import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { expandTo, sumTo } from './primitive-calls.ts';

/** x repeated to `shape` along its axes of size 1, and along new leading axes; -1 keeps a size. */
export function expand(x: Tensor, shape: Shape): Tensor {
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
