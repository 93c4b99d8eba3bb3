import { record } from '../tensor/autograd.ts';
import { elementwise } from './elementwise.ts';
import { square } from './mul.ts';
import { withOperand } from './operand.ts';
import { binary, choose, filled, sumTo, unary } from './primitive-calls.ts';

/**
 * a^b, elementwise with broadcasting. As in PyTorch, the gradient is 0 for `a` where b = 0, and for `b` where a = 0.
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
  if (typeof b === 'number') return elementwise('powScalar', a, b);
  const output = binary('pow', a, b);
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(output, {
    name: 'pow',
    inputs: [a, b],
    saved: [a, a.requiresGrad ? b : null, b.requiresGrad ? output : null],
    backward: (dy, [a, b, output]) => {
      const zero = filled(dy.device, [], 0);
      const da = b && binary('mul', binary('mul', dy, b), binary('pow', a, unary('addScalar', b, -1)));
      const db = output && binary('mul', binary('mul', dy, output), unary('log', a));
      return [b && da && sumTo(choose(b, da, zero), shapeA), db && sumTo(choose(a, db, zero), shapeB)];
    },
  });
});
