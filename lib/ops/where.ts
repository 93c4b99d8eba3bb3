import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { choose, filled, sumTo } from './primitive-calls.ts';

/**
 * condition != 0 ? a : b, elementwise with broadcasting; the gradient goes where the value came from.
 * @throws ShapeError if the shapes do not broadcast
 */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  return tidy(() => {
    const asTensor = (x: Tensor | number) => (typeof x === 'number' ? filled(condition.device, [], x) : x);
    return recorded(condition, asTensor(a), asTensor(b));
  });
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
