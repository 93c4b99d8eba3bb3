import type { BinaryOp } from '../devices/device.ts';
import { tidy } from '../tensor/scope.ts';
import { type Operand, withOperand } from './operand.ts';
import { binary, filled } from './primitive-calls.ts';

const comparison = (op: BinaryOp) =>
  withOperand(op, (a, b) => tidy(() => binary(op, a, typeof b === 'number' ? filled(a.device, [], b) : b)));

/** 1 where a = b, else 0, elementwise with broadcasting; no comparison has a gradient. */
export const eq = comparison('eq');

/** 1 where a != b, else 0, elementwise with broadcasting. */
export const ne = comparison('ne');

/** 1 where a > b, else 0, elementwise with broadcasting. */
export const gt = comparison('gt');

/** 1 where a >= b, else 0, elementwise with broadcasting. */
export const ge = comparison('ge');

/** 1 where a < b, else 0, elementwise with broadcasting. */
export const lt = comparison('lt');

/** 1 where a <= b, else 0, elementwise with broadcasting. */
export const le = comparison('le');

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** 1 where this = other, else 0, elementwise with broadcasting; no comparison has a gradient. */
    eq(other: Operand): Tensor;
    /** 1 where this is not other, else 0, elementwise with broadcasting. */
    ne(other: Operand): Tensor;
    /** 1 where this > other, else 0, elementwise with broadcasting. */
    gt(other: Operand): Tensor;
    /** 1 where this >= other, else 0, elementwise with broadcasting. */
    ge(other: Operand): Tensor;
    /** 1 where this < other, else 0, elementwise with broadcasting. */
    lt(other: Operand): Tensor;
    /** 1 where this <= other, else 0, elementwise with broadcasting. */
    le(other: Operand): Tensor;
  }
}
