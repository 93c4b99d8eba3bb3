/**
 * Simpler forms of primitives: of what a primitive fuses, each does one thing. Kernels that fuse nothing fill these,
 * and lib/devices/composed makes the primitives of them.
 */
import type { BatchNormOperands, ChannelGeometry, Conv2dGeometry, Storage } from './primitives.ts';

/** conv2d without an epilogue. */
export interface PlainConv2d<S extends Storage> {
  conv2dForward(x: S, weight: S, bias: S | null, geometry: Conv2dGeometry): S;
}

export interface PlainBatchNormGeometry extends ChannelGeometry {
  readonly eps: number;
}

export type PlainBatchNormOperands<S extends Storage> = Omit<BatchNormOperands<S>, 'residual'>;

/** Batch norm of one x, and its gradients. */
export interface PlainBatchNorm<S extends Storage> {
  /** (x - mean) / sqrt(variance + eps) * weight + bias. */
  normalize(x: S, operands: PlainBatchNormOperands<S>, geometry: PlainBatchNormGeometry): S;
  /** `training` as in BatchNormGradGeometry. */
  normalizeGrad(
    dy: S,
    x: S,
    operands: PlainBatchNormOperands<S>,
    geometry: PlainBatchNormGeometry & { readonly training: boolean },
  ): { input: S; weight: S; bias: S };
}
