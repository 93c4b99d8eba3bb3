import type { BatchNormGeometry } from '../../../lib/devices/device.ts';

type Values = ArrayLike<number>;

/** One tensor `[batch, channels, spatial]`. */
export interface ChannelShape {
  readonly batch: number;
  readonly channels: number;
  readonly spatial: number;
}

const channelOf = (g: ChannelShape, i: number): number => Math.floor(i / g.spatial) % g.channels;

/** For each channel c the sum of term(i, c) over its elements i. */
function channelSums(g: ChannelShape, term: (i: number, c: number) => number): Float64Array {
  const sums = new Float64Array(g.channels);
  for (let i = 0; i < g.batch * g.channels * g.spatial; i++) {
    sums[channelOf(g, i)] += term(i, channelOf(g, i));
  }
  return sums;
}

const sum = (values: readonly number[]): number => values.reduce((total, n) => total + n, 0);

/** Mean and biased variance of each channel. */
export function statistics(x: Values, g: ChannelShape): { mean: Float64Array; variance: Float64Array } {
  const count = g.batch * g.spatial;
  const mean = channelSums(g, (i) => x[i]).map((total) => total / count);
  const variance = channelSums(g, (i, c) => (x[i] - mean[c]) ** 2).map((total) => total / count);
  return { mean, variance };
}

/** The operands of a batch norm; `xs` are parts of x along the channels. */
export interface Operands {
  readonly xs: readonly Float32Array[];
  readonly mean: Values;
  readonly variance: Values;
  readonly weight: Values | null;
  readonly bias: Values | null;
  readonly residual: Values | null;
}

/** Parts `[batch, channels[i], spatial]` beside each other. */
function join(parts: readonly Float32Array[], { batch, channels, spatial }: BatchNormGeometry): number[] {
  const rows = Array.from({ length: batch }, (_, n) =>
    parts.map((part, i) => part.subarray(n * channels[i] * spatial, (n + 1) * channels[i] * spatial)),
  );
  return rows.flat().flatMap((row) => [...row]);
}

/** (x - mean) / sqrt(variance + eps) * weight + bias + residual, and the two factors of x in it. */
function affine({ xs, mean, variance, weight, bias, residual }: Operands, geometry: BatchNormGeometry) {
  const g = { batch: geometry.batch, channels: sum(geometry.channels), spatial: geometry.spatial };
  const x = join(xs, geometry);
  const deviation = (c: number) => Math.sqrt(variance[c] + geometry.eps);
  const normal = (i: number, c: number) => (x[i] - mean[c]) / deviation(c);
  const scale = (c: number) => weight?.[c] ?? 1;
  const output = Float64Array.from(x, (_, i) => {
    const c = channelOf(g, i);
    return normal(i, c) * scale(c) + (bias?.[c] ?? 0) + (residual?.[i] ?? 0);
  });
  return { g, normal, gain: (c: number) => scale(c) / deviation(c), output };
}

export function normalize(operands: Operands, geometry: BatchNormGeometry): Float64Array {
  const { output } = affine(operands, geometry);
  return geometry.relu ? output.map((value) => Math.max(value, 0)) : output;
}

/** The gradients of `normalize`; `preReluGrad` is dy where the ReLU passed it, which is the residual's gradient. */
export function normalizeGrad(
  dy: Float32Array,
  operands: Operands,
  training: boolean,
  geometry: BatchNormGeometry,
): { inputs: Float64Array[]; weight: Float64Array; bias: Float64Array; preReluGrad: Float32Array } {
  const { g, normal, gain, output } = affine(operands, geometry);
  const dys = geometry.relu ? dy.map((value, i) => (output[i] <= 0 ? 0 : value)) : dy;
  const weight = channelSums(g, (i, c) => dys[i] * normal(i, c));
  const bias = channelSums(g, (i) => dys[i]);
  const count = g.batch * g.spatial;
  const input = Float64Array.from(dys, (value, i) => {
    const c = channelOf(g, i);
    const throughStatistics = training ? (bias[c] + normal(i, c) * weight[c]) / count : 0;
    return gain(c) * (value - throughStatistics);
  });
  const inputs = geometry.channels.map((count, part) => {
    const first = sum(geometry.channels.slice(0, part));
    return input.filter((_, i) => channelOf(g, i) >= first && channelOf(g, i) < first + count);
  });
  return { inputs, weight, bias, preReluGrad: dys };
}
