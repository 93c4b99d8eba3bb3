/** What a convolution or product ends in, once its sums are complete. */
import type { FunctionBuilder } from './emit/assembler.ts';
import { mapRun } from './emit/loops.ts';
import type { I32, V128 } from './emit/values.ts';

/** + bias, + residual, then max(., 0), each if it is there. */
export interface Ending {
  /** A value for each row (output channel) or for each column. */
  readonly bias: 'none' | 'row' | 'column';
  readonly residual: boolean;
  readonly relu: boolean;
}

export const hasEnding = ({ bias, residual, relu }: Ending): boolean => bias !== 'none' || residual || relu;

/** The ending of one vector. */
export function endVector({ relu }: Ending, sum: V128, bias?: V128 | null, residual?: V128 | null): V128 {
  const biased = bias ? sum.add(bias) : sum;
  const total = residual ? biased.add(residual) : biased;
  return relu ? total.relu() : total;
}

/**
 * Ends `count` neighbouring values from `at` on, in place. `bias` is the address of the row's value or of the first
 * column's; the residual lies `residual` bytes from the output.
 */
export function endRun(
  f: FunctionBuilder,
  ending: Ending,
  count: I32,
  at: I32,
  bias: I32,
  residual: I32,
): void {
  const rowBias = ending.bias === 'row' ? f.v128(bias.splat32()) : null;
  const columns = ending.bias === 'column' ? [f.i32(bias)] : [];
  const residuals = ending.residual ? [f.i32(at.add(residual))] : [];
  mapRun(f, count, [f.i32(at), ...columns, ...residuals], f.i32(at), ([sum, ...others]) =>
    endVector(ending, sum, rowBias ?? (columns.length ? others[0] : null), others[columns.length]),
  );
}
