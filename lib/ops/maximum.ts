import type { BinaryOp } from '../devices/device.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, filled, sumTo, unary } from './primitive-calls.ts';

/**
 * The larger of a and b, elementwise with broadcasting; equal ones share the gradient half and half. NaN wins, and both
 * then get all of it, as in PyTorch.
 */
export const maximum = withOperand('maximum', (a, b) => elementwiseExtremum('maximum', 'lt', a, b));

/** The smaller of a and b, otherwise as `maximum`. */
export const minimum = withOperand('minimum', (a, b) => elementwiseExtremum('minimum', 'gt', a, b));

function elementwiseExtremum(
  op: 'maximum' | 'minimum',
  loses: BinaryOp,
  a: Tensor,
  b: Tensor | number,
): Tensor {
  if (typeof b === 'number') return tidy(() => elementwiseExtremum(op, loses, a, filled(a.device, [], b)));
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(binary(op, a, b), {
    name: op,
    inputs: [a, b],
    saved: [a, b],
    backward: (dy, [a, b], [wantsA, wantsB]) => {
      const half = unary('mulScalar', binary('eq', a, b), 0.5);
      const share = (x: Tensor, y: Tensor) => {
        const lost = binary('add', binary(loses, x, y), half);
        return binary('sub', dy, binary('mul', dy, lost));
      };
      return [wantsA ? sumTo(share(a, b), shapeA) : null, wantsB ? sumTo(share(b, a), shapeB) : null];
    },
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** The larger of this and other, elementwise with broadcasting; equal ones share the gradient half and half. */
    maximum(other: Operand): Tensor;
    /** The smaller of this and other, elementwise with broadcasting; equal ones share the gradient half and half. */
    minimum(other: Operand): Tensor;
  }
}
