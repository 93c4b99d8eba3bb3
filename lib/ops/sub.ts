import { record } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { add } from './add.ts';
import { binary, sumTo, unary } from './primitive-calls.ts';

/** a - b, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast. */
export function sub(a: Tensor, b: Tensor | number): Tensor {
  if (typeof b === 'number') return add(a, -b);
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(binary('sub', a, b), {
    name: 'sub',
    inputs: [a, b],
    backward: (dy, _, [a, b]) => [
      a ? sumTo(dy, shapeA) : null,
      b ? unary('mulScalar', sumTo(dy, shapeB), -1) : null,
    ],
  });
}
