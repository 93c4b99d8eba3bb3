import type { BinaryOp } from '../devices/device.ts';
import { tidy } from '../tensor/scope.ts';
import { withOperand } from './operand.ts';
import { binary, filled } from './primitive-calls.ts';

const comparison = (op: BinaryOp) =>
  withOperand(op, (a, b) => tidy(() => binary(op, a, typeof b === 'number' ? filled(a.device, [], b) : b)));

/** 1 where a = b, else 0, elementwise with broadcasting; no comparison has a gradient. */
export const eq = comparison('eq');

/** 1 where a != b, else 0. */
export const ne = comparison('ne');

/** 1 where a > b, else 0. */
export const gt = comparison('gt');

/** 1 where a >= b, else 0. */
export const ge = comparison('ge');

/** 1 where a < b, else 0. */
export const lt = comparison('lt');

/** 1 where a <= b, else 0. */
export const le = comparison('le');
