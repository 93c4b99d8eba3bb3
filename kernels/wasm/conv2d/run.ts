import type { EpilogueOperands } from '../epilogue.ts';

/** One pass of a convolution on given addresses. */
export interface ConvRun extends EpilogueOperands {
  readonly images: number;
  readonly groups: number;
  /** x, or dy in the input gradient. */
  readonly source: number;
  readonly weight: number;
}

/** One weight gradient on given addresses. */
export interface WeightGradRun {
  readonly x: number;
  readonly dy: number;
  readonly out: number;
}
