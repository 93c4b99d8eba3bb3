import { record } from '../tensor/autograd.ts';
import { mul } from './mul.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, sumTo, unary } from './primitive-calls.ts';

/** a / b, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast. */
export const div = withOperand('div', (a, b) => {
  if (typeof b === 'number') return mul(a, 1 / b);
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(binary('div', a, b), {
    name: 'div',
    inputs: [a, b],
    saved: [b.requiresGrad ? a : null, b],
    backward: (dy, [a, b], [wantsA]) => {
      const da = binary('div', dy, b);
      return [
        wantsA ? sumTo(da, shapeA) : null,
        a && sumTo(unary('mulScalar', binary('mul', da, binary('div', a, b)), -1), shapeB),
      ];
    },
  });
});

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** This / other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
    div(other: Operand): Tensor;
  }
}
