/** What follows a convolution or matrix product, once its sums are complete. */
import type { FunctionBuilder } from './emit/assembler.ts';
import { mapRun } from './emit/loops.ts';
import type { I32, V128 } from './emit/values.ts';

/** Which of + bias, + residual and max(., 0) there are, in this order. */
export interface EpilogueForm {
  /** A value for each row (output channel) or for each column. */
  readonly bias: 'none' | 'row' | 'column';
  readonly residual: boolean;
  readonly relu: boolean;
}

/** Addresses of a result and of what its epilogue reads, null for what there is not. */
export interface EpilogueOperands {
  readonly out: number;
  readonly bias: number | null;
  readonly residual: number | null;
  readonly relu: boolean;
}

export const epilogueForm = (
  { bias, residual, relu }: EpilogueOperands,
  biasAxis: 'row' | 'column',
): EpilogueForm => ({ bias: bias === null ? 'none' : biasAxis, residual: residual !== null, relu });

/** A kernel's arguments for an epilogue: the residual lies `residual` bytes from the output. */
export const epilogueArguments = ({ out, bias, residual }: EpilogueOperands) => ({
  bias: bias ?? 0,
  residual: residual === null ? 0 : residual - out,
});

export const hasEpilogue = ({ bias, residual, relu }: EpilogueForm): boolean =>
  bias !== 'none' || residual || relu;

/** The epilogue of one vector. */
export function applyEpilogue(
  { relu }: EpilogueForm,
  sum: V128,
  bias?: V128 | null,
  residual?: V128 | null,
): V128 {
  const biased = bias ? sum.add(bias) : sum;
  const total = residual ? biased.add(residual) : biased;
  return relu ? total.relu() : total;
}

/**
 * Applies it to `count` neighbouring values from `address` on, in place. `bias` is the address of the row's value or of the first
 * column's; the residual lies `residual` bytes from the output.
 */
export function applyEpilogueRun(
  f: FunctionBuilder,
  epilogue: EpilogueForm,
  count: I32,
  address: I32,
  bias: I32,
  residual: I32,
): void {
  const rowBias = epilogue.bias === 'row' ? f.v128(bias.splat32()) : null;
  const columns = epilogue.bias === 'column' ? [f.i32(bias)] : [];
  const residuals = epilogue.residual ? [f.i32(address.add(residual))] : [];
  mapRun(f, count, [f.i32(address), ...columns, ...residuals], f.i32(address), ([sum, ...others]) =>
    applyEpilogue(epilogue, sum, rowBias ?? (columns.length ? others[0] : null), others[columns.length]),
  );
}
