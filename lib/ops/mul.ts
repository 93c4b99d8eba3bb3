import { record } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, sumTo, unary } from './primitive-calls.ts';

/** a * b, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast. */
export const mul = withOperand('mul', (a, b) => {
  if (typeof b === 'number') {
    return record(unary('mulScalar', a, b), {
      name: 'mul',
      inputs: [a],
      attributes: { alpha: b },
      backward: (dy) => [unary('mulScalar', dy, b)],
    });
  }
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(binary('mul', a, b), {
    name: 'mul',
    inputs: [a, b],
    saved: [b.requiresGrad ? a : null, a.requiresGrad ? b : null],
    backward: (dy, [a, b]) => [
      b && sumTo(binary('mul', dy, b), shapeA),
      a && sumTo(binary('mul', dy, a), shapeB),
    ],
  });
});

/** -x of each value. */
export const neg = (x: Tensor): Tensor => mul(x, -1);

/** x^2 of each value. */
export const square = (x: Tensor): Tensor => mul(x, x);

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** This * other, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
    mul(other: Operand): Tensor;
    /** -x of each value. */
    neg(): Tensor;
    /** x^2 of each value. */
    square(): Tensor;
  }
}
