/**
 * The vocabulary of the contract that every device fills: the names of the primitives, the geometries that describe a
 * call, and the one table of all primitives, forward and backward.
 *
 * Primitives are pure: they read their arguments and return new storages. Shapes arrive resolved in a plain geometry
 * object, so that a device can key a compiled kernel by it. No kernel meets a size of 0: devices answer such calls
 * before (lib/devices/empty.ts).
 */

/** A device's buffer of `length` float32 values. Only the device that made it can look inside. */
export interface Storage {
  readonly length: number;
}

/**
 * Elementwise functions of one tensor and, where named so, one number `alpha`:
 * `leakyRelu` (its negative slope), `addScalar`, `mulScalar`, `powScalar`, `maxScalar`, `minScalar`.
 * `softplus` is log(1 + exp(x)), computed as max(x, 0) + log1p(exp(-|x|)).
 */
export const UNARY_OPS = [
  'abs',
  'sign',
  'exp',
  'log',
  'sqrt',
  'reciprocal',
  'relu',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'softplus',
  'addScalar',
  'mulScalar',
  'powScalar',
  'maxScalar',
  'minScalar',
] as const;
export type UnaryOp = (typeof UNARY_OPS)[number];

/**
 * Whether an op's derivative is computed from its input x or its output y, so that only that one is kept:
 * dx = dy * f'(x), with f' being
 * abs sign(x); log 1/x; leakyRelu x > 0 ? 1 : alpha; softplus 1/(1+exp(-x)); powScalar alpha * x^(alpha-1);
 * maxScalar x > alpha; minScalar x < alpha (as PyTorch's clamp, at x = alpha too: >= and <=);
 * or, from y: exp y; sqrt 1/(2y); reciprocal -y^2; relu y <= 0 ? 0 : 1; sigmoid y(1-y); tanh 1-y^2.
 */
export const DERIVATIVE_FROM = {
  abs: 'input',
  log: 'input',
  leakyRelu: 'input',
  softplus: 'input',
  powScalar: 'input',
  maxScalar: 'input',
  minScalar: 'input',
  exp: 'output',
  sqrt: 'output',
  reciprocal: 'output',
  relu: 'output',
  sigmoid: 'output',
  tanh: 'output',
} as const satisfies Partial<Record<UnaryOp, 'input' | 'output'>>;
export type UnaryGradOp = keyof typeof DERIVATIVE_FROM;
export const UNARY_GRAD_OPS = Object.keys(DERIVATIVE_FROM) as UnaryGradOp[];

/** Comparisons give 1 or 0. `pow` is a^b. */
export const BINARY_OPS = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
] as const;
export type BinaryOp = (typeof BINARY_OPS)[number];

/**
 * The index space of an elementwise op with broadcasting. `shape` is the output's, with neighbouring axes merged
 * wherever every operand allows it; `strides[o][axis]` is operand o's step in elements, 0 where it is broadcast.
 * Operands of one shape come as shape [n], strides [[1], [1]].
 */
export interface BroadcastGeometry {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** `argmax` gives the index of the first maximum along the reduced axes, which are then one. */
export const REDUCE_OPS = ['sum', 'max', 'min', 'argmax'] as const;
export type ReduceOp = (typeof REDUCE_OPS)[number];

/** The input's shape with neighbouring axes merged, so that `reduced` alternates. The output is the kept axes. */
export interface ReduceGeometry {
  readonly shape: readonly number[];
  readonly reduced: readonly boolean[];
}

/** out[i0, i1, ...] = x[offset + i0*strides[0] + i1*strides[1] + ...]: transposes, slices, expansions, flips. */
export interface StridedGeometry {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/**
 * XLA's Pad with one constant: per axis `before` and `after` values at the edges and `interior` between
 * neighbours; out size = before + n + (n - 1) * interior + after. Edges are never negative.
 */
export interface PadGeometry {
  readonly shape: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly interior: readonly number[];
  readonly value: number;
}

/** Each input is [outer, sizes[i], inner]; the output is [outer, sum(sizes), inner]. */
export interface ConcatGeometry {
  readonly outer: number;
  readonly sizes: readonly number[];
  readonly inner: number;
}

/**
 * out[b] = op(a[b]) @ op(b[b]) (+ bias over columns), `[m, k] x [k, n] -> [m, n]`. A transposed operand is stored
 * `[k, m]` or `[n, k]`. Operand strides are elements between batches, 0 for one operand shared by all.
 */
export interface MatmulGeometry {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly batchStrideA: number;
  readonly batchStrideB: number;
}

/** A window that slides over planes, in two dimensions: of convolution and of pooling. */
export interface SlidingGeometry {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly paddingHeight: number;
  readonly paddingWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
}

/** x `[batch, inChannels, inHeight, inWidth]`, w `[outChannels, inChannels / groups, kernelHeight, kernelWidth]`. */
export interface Conv2dGeometry extends SlidingGeometry {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
}

/** What follows a convolution in the same pass: + residual, of the output's shape, then max(., 0). */
export interface Epilogue<S extends Storage = Storage> {
  readonly residual: S | null;
  readonly relu: boolean;
}

/** The out sizes already tell ceil mode from floor mode: a window may reach past the padded input. */
export interface Pool2dGeometry extends SlidingGeometry {
  readonly channels: number;
}

export type MaxPool2dGeometry = Pool2dGeometry;

/**
 * `divisorOverride` is 0 for none. The divisor counts padding (but not what ceil mode reaches past it) or not.
 * Dilation is 1.
 */
export interface AvgPool2dGeometry extends Pool2dGeometry {
  readonly countIncludePad: boolean;
  readonly divisorOverride: number;
}

/** Window i of n over a size s is [floor(i*s/n), ceil((i+1)*s/n)), as in PyTorch's AdaptiveAveragePooling.cpp. */
export interface AdaptivePool2dGeometry {
  readonly batch: number;
  readonly channels: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** x is `[batch, channels, spatial]`; what there is one of per channel is `[channels]`. */
export interface ChannelGeometry {
  readonly batch: number;
  readonly channels: number;
  readonly spatial: number;
}

/**
 * x comes in parts along the channels, `[batch, channels[i], spatial]` each; their concatenation is never made.
 * Statistics and parameters are `[sum(channels)]`; output, its gradient and residual `[batch, sum(channels), spatial]`.
 */
export interface BatchNormGeometry {
  readonly batch: number;
  readonly channels: readonly number[];
  readonly spatial: number;
  readonly eps: number;
  /** Whether the result ends in max(., 0). */
  readonly relu: boolean;
}

export interface BatchNormGradGeometry extends BatchNormGeometry {
  /** Mean and variance came from x itself (Ioffe & Szegedy 2015, section 3); else they are constants. */
  readonly training: boolean;
}

/** What batch norm reads beside x: all are `[sum(channels)]` but the residual. */
export interface BatchNormOperands<S extends Storage> {
  readonly mean: S;
  /** Biased. */
  readonly variance: S;
  readonly weight: S | null;
  readonly bias: S | null;
  readonly residual: S | null;
}

/** Each part's gradient, those of the parameters, and the residual's. */
export interface BatchNormGrads<S extends Storage> {
  inputs: S[];
  weight: S;
  bias: S;
  residual: S | null;
}

/** torch.optim.SGD's step. */
export interface SgdStep {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly maximize: boolean;
}

/** torch.optim.Adam's step number `step` (from 1); `decoupled` weight decay is AdamW's. */
export interface AdamStep {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decoupled: boolean;
  readonly step: number;
}

/** Every primitive, forward and backward: the one table that each device fills. */
export interface Primitives<S extends Storage> {
  fill(length: number, value: number): S;
  unary(op: UnaryOp, x: S, alpha: number): S;
  /** dy * f', with f' from `saved`: x or y as DERIVATIVE_FROM says. */
  unaryGrad(op: UnaryGradOp, dy: S, saved: S, alpha: number): S;
  binary(op: BinaryOp, a: S, b: S, geometry: BroadcastGeometry): S;
  /** condition != 0 ? a : b */
  where(condition: S, a: S, b: S, geometry: BroadcastGeometry): S;
  reduce(op: ReduceOp, x: S, geometry: ReduceGeometry): S;
  strided(x: S, geometry: StridedGeometry): S;
  pad(x: S, geometry: PadGeometry): S;
  concat(xs: readonly S[], geometry: ConcatGeometry): S;
  matmul(a: S, b: S, bias: S | null, geometry: MatmulGeometry): S;

  conv2d(x: S, weight: S, bias: S | null, geometry: Conv2dGeometry, epilogue?: Epilogue<S>): S;
  conv2dInputGrad(dy: S, weight: S, geometry: Conv2dGeometry): S;
  conv2dWeightGrad(x: S, dy: S, geometry: Conv2dGeometry): S;

  /** `indices` are the winners' positions y * inWidth + x in their input plane; the first of equals wins, NaN wins all. */
  maxPool2d(x: S, geometry: MaxPool2dGeometry): { output: S; indices: S };
  maxPool2dGrad(dy: S, indices: S, geometry: MaxPool2dGeometry): S;
  avgPool2d(x: S, geometry: AvgPool2dGeometry): S;
  avgPool2dGrad(dy: S, geometry: AvgPool2dGeometry): S;
  adaptiveAvgPool2d(x: S, geometry: AdaptivePool2dGeometry): S;
  adaptiveAvgPool2dGrad(dy: S, geometry: AdaptivePool2dGeometry): S;

  /** Mean and biased variance of each channel, in two passes or Welford's way. */
  batchNormStatistics(x: S, geometry: ChannelGeometry): { mean: S; variance: S };
  /** (x - mean) / sqrt(variance + eps) * weight + bias + residual, then max(., 0) if `geometry.relu`. */
  batchNorm(xs: readonly S[], operands: BatchNormOperands<S>, geometry: BatchNormGeometry): S;
  /**
   * The residual's gradient is null where it would be dy itself, or there is no residual. Where the forward pass cut
   * values off at 0 is computed again from xs, and from the bias and the residual, which matter for nothing else.
   */
  batchNormGrad(
    dy: S,
    xs: readonly S[],
    operands: BatchNormOperands<S>,
    geometry: BatchNormGradGeometry,
  ): BatchNormGrads<S>;

  /**
   * A step may write in place and return the very storages it got, or return new ones and leave the old alone.
   * `velocity` is null on the first step and when momentum is 0, and returned null only in the latter case.
   */
  sgdStep(param: S, grad: S, velocity: S | null, step: SgdStep): { param: S; velocity: S | null };
  /** The moments start as zeros. */
  adamStep(param: S, grad: S, mean: S, square: S, step: AdamStep): { param: S; mean: S; square: S };
}
