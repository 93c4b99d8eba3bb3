/** Batch norm for devices without a fused kernel: from the plain one, and the other primitives. */
import type { PlainBatchNorm, PlainBatchNormGeometry } from '../../../kernels/plain.ts';
import type { BatchNormGeometry, Primitives, Storage } from '../device.ts';
import { defaultEpilogue, type EpilogueDevice } from './epilogue.ts';

type PlainDevice<S extends Storage> = PlainBatchNorm<S> &
  EpilogueDevice<S> &
  Pick<Primitives<S>, 'concat' | 'strided' | 'unaryGrad'>;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const plain = ({ batch, channels, spatial, eps }: BatchNormGeometry): PlainBatchNormGeometry => ({
  batch,
  channels: sum(channels),
  spatial,
  eps,
});

/** Calls `use` with the concatenation of the parts; frees it afterwards. */
function joined<S extends Storage, T>(
  device: PlainDevice<S>,
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

/** The primitives `batchNorm` and `batchNormGrad`, on a device that has the plain ones. */
export const defaultBatchNorm = <S extends Storage>(
  device: PlainDevice<S>,
): Pick<Primitives<S>, 'batchNorm' | 'batchNormGrad'> => ({
  batchNorm(xs, { residual, ...operands }, geometry) {
    const y = joined(device, xs, geometry, (x) => device.normalize(x, operands, plain(geometry)));
    return defaultEpilogue(device, y, { residual, relu: geometry.relu });
  },

  batchNormGrad(dy, xs, { residual, ...operands }, geometry) {
    return joined(device, xs, geometry, (x) => {
      let cut = dy;
      if (geometry.relu) {
        const normalized = device.normalize(x, operands, plain(geometry));
        const y = defaultEpilogue(device, normalized, { residual, relu: false });
        cut = device.unaryGrad('relu', dy, y, 0);
        device.free(y);
      }
      const { training } = geometry;
      const { input, ...parameters } = device.normalizeGrad(cut, x, operands, {
        ...plain(geometry),
        training,
      });
      const keepsCut = geometry.relu && residual !== null;
      if (geometry.relu && !keepsCut) device.free(cut);
      return { ...parameters, inputs: split(device, input, geometry), residual: keepsCut ? cut : null };
    });
  },
});

/** The parts that x is the concatenation of; x itself is given up. */
function split<S extends Storage>(
  device: PlainDevice<S>,
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
