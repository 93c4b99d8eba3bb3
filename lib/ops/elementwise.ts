import { DERIVATIVE_FROM, type UnaryGradOp } from '../devices/device.ts';
import { record } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { unary, unaryGrad } from './primitive-calls.ts';

/** op(x), elementwise, recorded: the tape keeps x or op(x), whichever the derivative is computed from. */
export function elementwise(op: UnaryGradOp, x: Tensor, alpha = 0): Tensor {
  const output = unary(op, x, alpha);
  return record(output, {
    name: op,
    attributes: { alpha },
    inputs: [x],
    saved: [DERIVATIVE_FROM[op] === 'input' ? x : output],
    backward: (dy, [saved]) => [unaryGrad(op, dy, saved, alpha)],
  });
}
