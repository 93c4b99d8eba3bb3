import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { choose, filled, sumTo } from './unrecorded.ts';

/**
 * condition != 0 ? a : b, elementwise with broadcasting; the gradient goes where the value came from.
 * @throws ShapeError if the shapes do not broadcast
 */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  return tidy(() => {
    const { device } = condition;
    const asTensor = (x: Tensor | number) => (typeof x === 'number' ? filled(device, [], x) : x);
    const [left, right] = [asTensor(a), asTensor(b)];
    const [leftShape, rightShape] = [left.shape, right.shape];
    return record(choose(condition, left, right), {
      name: 'where',
      inputs: [left, right],
      saved: [condition],
      backward: (dy, [condition], [wantsLeft, wantsRight]) => {
        const zero = filled(dy.device, [], 0);
        return [
          wantsLeft ? sumTo(choose(condition, dy, zero), leftShape) : null,
          wantsRight ? sumTo(choose(condition, zero, dy), rightShape) : null,
        ];
      },
    });
  });
}
