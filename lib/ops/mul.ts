import { record } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { binary, sumTo } from './broadcast.ts';

/** a * b, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast. */
export function mul(a: Tensor, b: Tensor): Tensor {
  return record(binary('mul', a, b), {
    name: 'mul',
    inputs: [a, b],
    saved: [a, b],
    backward: (dy, [a, b]) => [sumTo(binary('mul', dy, b), a.shape), sumTo(binary('mul', dy, a), b.shape)],
  });
}
