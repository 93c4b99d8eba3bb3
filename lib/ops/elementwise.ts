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

/** |x| */
export const abs = (x: Tensor): Tensor => elementwise('abs', x);

/** e^x */
export const exp = (x: Tensor): Tensor => elementwise('exp', x);

/** The natural logarithm. */
export const log = (x: Tensor): Tensor => elementwise('log', x);

/** The square root. */
export const sqrt = (x: Tensor): Tensor => elementwise('sqrt', x);

/** 1 / x */
export const reciprocal = (x: Tensor): Tensor => elementwise('reciprocal', x);

/** -1, 0 or 1; its gradient is 0. */
export function sign(x: Tensor): Tensor {
  return record(unary('sign', x), {
    name: 'sign',
    inputs: [x],
    backward: (dy) => [unary('mulScalar', dy, 0)],
  });
}
