import { record } from '../tensor/autograd.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, sumTo, unary } from './primitive-calls.ts';

/** a + b, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast. */
export const add = withOperand('add', (a, b) => {
  if (typeof b === 'number') {
    return record(unary('addScalar', a, b), {
      name: 'add',
      inputs: [a],
      attributes: { alpha: b },
      backward: (dy) => [dy],
    });
  }
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(binary('add', a, b), {
    name: 'add',
    inputs: [a, b],
    backward: (dy, _, [a, b]) => [a ? sumTo(dy, shapeA) : null, b ? sumTo(dy, shapeB) : null],
  });
});

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** This + other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
    add(other: Operand): Tensor;
  }
}
