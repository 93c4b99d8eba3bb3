import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { asTensor, type Operand } from './operand.ts';
import { choose, filled, sumTo } from './primitive-calls.ts';

/**
 * condition != 0 ? a : b, elementwise with broadcasting; the gradient goes where the value came from.
 * @throws ShapeError if the shapes do not broadcast
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return tidy(() =>
    recorded(condition, asTensor('where', 'a', a, condition), asTensor('where', 'b', b, condition)),
  );
}

function recorded(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(choose(condition, a, b), {
    name: 'where',
    inputs: [a, b],
    saved: [condition],
    backward: (dy, [condition], [wantsA, wantsB]) => {
      const zero = filled(dy.device, [], 0);
      return [
        wantsA ? sumTo(choose(condition, dy, zero), shapeA) : null,
        wantsB ? sumTo(choose(condition, zero, dy), shapeB) : null,
      ];
    },
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** This where the condition is not 0, else `other`, elementwise with broadcasting. */
    where(condition: Tensor, other: Operand): Tensor;
  }
}
