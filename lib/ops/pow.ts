import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { elementwise } from './elementwise.ts';
import { square } from './mul.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, choose, filled, sumTo, unary, unaryGrad } from './primitive-calls.ts';
import { sqrt } from './unary.ts';

/**
 * a^b, elementwise with broadcasting; 1^b and a^0 are 1 even for NaN. As in PyTorch, the gradient is 0 for `a` where
 * b = 0, and for `b` where a = 0 and b >= 0.
 * @throws ShapeError if the shapes do not broadcast
 */
export const pow = withOperand('pow', (a, b) => {
  if (b === 2) return square(a);
  if (b === 0) {
    return record(filled(a.device, a.shape, 1), {
      name: 'pow',
      inputs: [a],
      backward: (dy) => [unary('mulScalar', dy, 0)],
    });
  }
  if (b === 0.5) return sqrt(a);
  if (b === -0.5) {
    return record(
      tidy(() => unary('reciprocal', unary('sqrt', a))),
      {
        name: 'powScalar',
        attributes: { alpha: b },
        inputs: [a],
        saved: [a],
        backward: (dy, [a]) => [unaryGrad('powScalar', dy, a, b)],
      },
    );
  }
  if (typeof b === 'number') return elementwise('powScalar', a, b);
  const output = binary('pow', a, b);
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(output, {
    name: 'pow',
    inputs: [a, b],
    saved: [a, b, b.requiresGrad ? output : null],
    backward: (dy, [a, b, output], [wantsA]) => {
      const zero = filled(dy.device, [], 0);
      const da = wantsA && binary('mul', binary('mul', dy, b), binary('pow', a, unary('addScalar', b, -1)));
      const isConstant = output && binary('mul', binary('eq', a, zero), binary('ge', b, zero));
      const db = output && binary('mul', binary('mul', dy, output), unary('log', a));
      return [
        da ? sumTo(choose(b, da, zero), shapeA) : null,
        isConstant && db && sumTo(choose(isConstant, zero, db), shapeB),
      ];
    },
  });
});

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** This to the power of the exponent, elementwise with broadcasting. @throws ShapeError if the shapes do not broadcast */
    pow(exponent: Operand): Tensor;
  }
}
