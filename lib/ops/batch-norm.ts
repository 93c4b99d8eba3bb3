import type { BatchNormGeometry } from '../devices/device.ts';
import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { sharedDevice } from './unrecorded.ts';

export interface BatchNormOptions {
  /** `[C]`; default ones. */
  readonly weight?: Tensor | null;
  /** `[C]`; default zeros. */
  readonly bias?: Tensor | null;
  /** Normalise by the batch's statistics and update the running ones; default false. */
  readonly training?: boolean;
  /** Share of the batch in the running statistics; default 0.1. */
  readonly momentum?: number;
  /** Default 1e-5. */
  readonly eps?: number;
}

/**
 * (x - mean) / sqrt(variance + eps) * weight + bias for each channel (Ioffe & Szegedy 2015). In training mean and
 * biased variance are the batch's, and the running statistics, if given, take in a share `momentum` of the mean and
 * of the unbiased variance; otherwise they are the running ones.
 * @param x `[N, C, ...]`
 * @param runningMean `[C]`
 * @param runningVar `[C]`
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 }: BatchNormOptions = {},
): Tensor {
  const geometry = check(x, { runningMean, runningVar, weight, bias }, training, eps);
  if (!training) {
    if (!runningMean || !runningVar) {
      throw new ShapeError('batchNorm: wants runningMean and runningVar where it is not training');
    }
    return normalize(x, runningMean, runningVar, weight, bias, false, geometry);
  }
  return tidy(() => {
    const { device } = x;
    const statistics = device.batchNormStatistics(x.storage, geometry);
    const mean = new Tensor({ device, storage: statistics.mean }, [geometry.channels]);
    const variance = new Tensor({ device, storage: statistics.variance }, [geometry.channels]);
    const count = geometry.batch * geometry.spatial;
    if (runningMean) update(runningMean, mean, momentum, 1);
    if (runningVar) update(runningVar, variance, momentum, count / (count - 1));
    return normalize(x, mean, variance, weight, bias, true, geometry);
  });
}

function check(
  x: Tensor,
  perChannel: Readonly<Record<string, Tensor | null>>,
  training: boolean,
  eps: number,
): BatchNormGeometry {
  if (x.rank < 2) throw new ShapeError(`batchNorm: input wants [N, C, ...], got ${formatShape(x.shape)}`);
  const [batch, channels, ...rest] = x.shape;
  for (const [name, tensor] of Object.entries(perChannel)) {
    if (tensor && (tensor.rank !== 1 || tensor.size !== channels)) {
      throw new ShapeError(
        `batchNorm: input has ${channels} channels ${formatShape(x.shape)}, ${name} has shape ${formatShape(tensor.shape)}`,
      );
    }
  }
  const spatial = sizeOf(rest);
  if (training && batch * spatial <= 1) {
    throw new ShapeError(
      `batchNorm: training wants more than one value a channel, got input ${formatShape(x.shape)}`,
    );
  }
  return { batch, channels, spatial, eps };
}

/** running = (1 - momentum) * running + momentum * scale * batch, in place. */
function update(running: Tensor, batch: Tensor, momentum: number, scale: number): void {
  const { device } = running;
  const old = device.unary('mulScalar', running.storage, 1 - momentum);
  const share = device.unary('mulScalar', batch.storage, momentum * scale);
  running.assign(device.binary('add', old, share, { shape: [running.size], strides: [[1], [1]] }));
  device.free(old);
  device.free(share);
}

function normalize(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  training: boolean,
  geometry: BatchNormGeometry,
): Tensor {
  const device = sharedDevice('batchNorm', x, mean, variance, weight, bias);
  const [gamma, beta] = [weight?.storage ?? null, bias?.storage ?? null];
  const storage = device.batchNorm(x.storage, mean.storage, variance.storage, gamma, beta, geometry);
  const { shape } = x;
  return record(new Tensor({ device, storage }, shape), {
    name: 'batchNorm',
    attributes: { ...geometry, mean, variance },
    inputs: [x, weight, bias],
    saved: [x, mean, variance, weight],
    backward: (dy, [x, mean, variance, weight]) => {
      const gradients = device.batchNormGrad(
        dy.storage,
        x.storage,
        mean.storage,
        variance.storage,
        weight?.storage ?? null,
        training,
        geometry,
      );
      const perChannel = [geometry.channels];
      return [
        new Tensor({ device, storage: gradients.input }, shape),
        new Tensor({ device, storage: gradients.weight }, perChannel),
        new Tensor({ device, storage: gradients.bias }, perChannel),
      ];
    },
  });
}
