import { record } from '../tensor/autograd.ts';
import { add } from './add.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, sumTo, unary } from './primitive-calls.ts';

/** a - b, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast. */
export const sub = withOperand('sub', (a, b) => {
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
});

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** This - other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
    sub(other: Operand): Tensor;
  }
}
