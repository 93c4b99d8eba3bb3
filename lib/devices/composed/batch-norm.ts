/** Batch norm for devices without a fused kernel: from the plain one, and the other primitives. */
import type { BatchNormGeometry, ChannelGeometry, Primitives, Storage } from '../device.ts';
import { composedEpilogue } from './epilogue.ts';

/** Of batch norm over one x, with nothing fused to it. */
export interface PlainBatchNormGeometry extends ChannelGeometry {
  readonly eps: number;
}

/** (x - mean) / sqrt(variance + eps) * weight + bias, and its gradients. */
export interface PlainBatchNorm<S extends Storage> extends Primitives<S> {
  normalize(
    x: S,
    mean: S,
    variance: S,
    weight: S | null,
    bias: S | null,
    geometry: PlainBatchNormGeometry,
  ): S;
  normalizeGrad(
    dy: S,
    x: S,
    mean: S,
    variance: S,
    weight: S | null,
    training: boolean,
    geometry: PlainBatchNormGeometry,
  ): { input: S; weight: S; bias: S };
  free(x: S): void;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const plain = ({ batch, channels, spatial, eps }: BatchNormGeometry): PlainBatchNormGeometry => ({
  batch,
  channels: sum(channels),
  spatial,
  eps,
});

/** Calls `use` with the concatenation of the parts, which lives that long. */
function joined<S extends Storage, T>(
  device: PlainBatchNorm<S>,
  xs: readonly S[],
  { batch, channels, spatial }: BatchNormGeometry,
  use: (x: S) => T,
): T {
  if (xs.length === 1) return use(xs[0]);
  const x = device.concat(xs, { outer: batch, sizes: channels, inner: spatial });
  const result = use(x);
  device.free(x);
  return result;
}

/** The primitive `batchNorm`. */
export function composedBatchNorm<S extends Storage>(
  device: PlainBatchNorm<S>,
  xs: readonly S[],
  mean: S,
  variance: S,
  weight: S | null,
  bias: S | null,
  residual: S | null,
  geometry: BatchNormGeometry,
): S {
  const y = joined(device, xs, geometry, (x) =>
    device.normalize(x, mean, variance, weight, bias, plain(geometry)),
  );
  return composedEpilogue(device, y, { residual, relu: geometry.relu });
}

/** The primitive `batchNormGrad`. */
export function composedBatchNormGrad<S extends Storage>(
  device: PlainBatchNorm<S>,
  dy: S,
  xs: readonly S[],
  mean: S,
  variance: S,
  weight: S | null,
  bias: S | null,
  residual: S | null,
  training: boolean,
  geometry: BatchNormGeometry,
): { inputs: S[]; weight: S; bias: S; residual: S | null } {
  return joined(device, xs, geometry, (x) => {
    let cut = dy;
    if (geometry.relu) {
      const normalized = device.normalize(x, mean, variance, weight, bias, plain(geometry));
      const y = composedEpilogue(device, normalized, { residual, relu: false });
      cut = device.unaryGrad('relu', dy, y, 0);
      device.free(y);
    }
    const { input, ...parameters } = device.normalizeGrad(
      cut,
      x,
      mean,
      variance,
      weight,
      training,
      plain(geometry),
    );
    const keepsCut = geometry.relu && residual !== null;
    if (geometry.relu && !keepsCut) device.free(cut);
    return { ...parameters, inputs: split(device, input, geometry), residual: keepsCut ? cut : null };
  });
}

/** The parts that x is the concatenation of; x itself is given up. */
function split<S extends Storage>(
  device: PlainBatchNorm<S>,
  x: S,
  { batch, channels, spatial }: BatchNormGeometry,
): S[] {
  if (channels.length === 1) return [x];
  const row = sum(channels) * spatial;
  const parts = channels.map((count, i) => {
    const offset = sum(channels.slice(0, i)) * spatial;
    return device.strided(x, { shape: [batch, count * spatial], strides: [row, 1], offset });
  });
  device.free(x);
  return parts;
}
