import { checkNumber, resolveOptions } from '../arguments.ts';
import type { BatchNormGeometry, BatchNormOperands, Device, Storage } from '../devices/device.ts';
import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { sharedDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, sameShape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { checkResidual, type Epilogue } from './epilogue.ts';

/** The options of `batchNorm`. */
export interface BatchNormOptions extends Epilogue {
  /** `[C]`; default ones. */
  readonly weight?: Tensor | null;
  /** `[C]`; default zeros. */
  readonly bias?: Tensor | null;
  /** Normalise by the batch's statistics and update the running ones; default false. */
  readonly training?: boolean;
  /** The weight of the batch in the running statistics; default 0.1. */
  readonly momentum?: number;
  /** Added to the variance before its square root is taken; default 1e-5. */
  readonly eps?: number;
}

/** Operands of the primitive: mean, variance, weight, bias, residual, and the parts of x. */
type Operands = readonly [Tensor, Tensor, Tensor | null, Tensor | null, Tensor | null, ...Tensor[]];

/**
 * (x - mean) / sqrt(variance + eps) * weight + bias for each channel (Ioffe & Szegedy 2015, algorithm 1), as
 * torch.nn.functional.batch_norm, plus the residual, and with `relu` not below 0. In training, mean and biased variance
 * are the batch's, and the running statistics, if given, become (1 - momentum) times themselves plus momentum times the
 * batch's mean and unbiased variance; otherwise mean and variance are the running ones.
 *
 * The output of one without residual is not saved for backward: it is recomputed.
 * @param x `[N, C, ...]`, or tensors `[N, C_i, ...]` whose concatenation along axis 1 is meant, and is not made
 * @param runningMean `[C]`
 * @param runningVar `[C]`
 * @returns `[N, C, ...]`
 * @throws ShapeError where the shapes do not fit, for a single value per channel in training, and without running
 *   statistics outside training
 */
export function batchNorm(
  x: Tensor | readonly Tensor[],
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  const { weight, bias, training, momentum, eps, residual, relu } = resolveOptions('batchNorm', options, {
    weight: null,
    bias: null,
    training: false,
    momentum: 0.1,
    eps: 1e-5,
    residual: null,
    relu: false,
  });
  checkNumber('batchNorm: momentum', momentum);
  checkNumber('batchNorm: eps', eps);
  const xs = Array.isArray(x) ? (x as readonly Tensor[]) : [x as Tensor];
  if (xs.length === 0) throw new ShapeError('batchNorm: wants at least one tensor');
  const device = sharedDevice('batchNorm', xs[0], ...xs, runningMean, runningVar, weight, bias, residual);
  const geometry = geometryOf(xs, eps, relu);
  check(xs, geometry, { runningMean, runningVar, weight, bias }, residual, training);
  if (!training) {
    if (!runningMean || !runningVar) {
      throw new ShapeError('batchNorm: wants runningMean and runningVar where it is not training');
    }
    return normalize(device, [runningMean, runningVar, weight, bias, residual, ...xs], false, geometry);
  }
  return tidy(() => {
    const [mean, variance] = statisticsOf(device, xs, geometry);
    const count = geometry.batch * geometry.spatial;
    if (runningMean && count > 0) update(runningMean, mean, momentum, 1);
    if (runningVar && count > 0) update(runningVar, variance, momentum, count / (count - 1));
    return normalize(device, [mean, variance, weight, bias, residual, ...xs], true, geometry);
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function geometryOf(xs: readonly Tensor[], eps: number, relu: boolean): BatchNormGeometry {
  const [first] = xs;
  if (first.rank < 2)
    throw new ShapeError(`batchNorm: input wants [N, C, ...], got ${formatShape(first.shape)}`);
  const [batch, , ...rest] = first.shape;
  xs.forEach(({ shape }, i) => {
    if (shape.length < 2 || !sameShape(shape.with(1, 0), first.shape.with(1, 0))) {
      throw new ShapeError(
        `batchNorm: part ${i} of the input has shape ${formatShape(shape)}, want ${formatShape(first.shape)} but for axis 1`,
      );
    }
  });
  return { batch, channels: xs.map(({ shape }) => shape[1]), spatial: sizeOf(rest), eps, relu };
}

function check(
  xs: readonly Tensor[],
  geometry: BatchNormGeometry,
  perChannel: Readonly<Record<string, Tensor | null>>,
  residual: Tensor | null,
  training: boolean,
): void {
  const channels = sum(geometry.channels);
  const shape = xs[0].shape.with(1, channels);
  for (const [name, tensor] of Object.entries(perChannel)) {
    if (tensor && (tensor.rank !== 1 || tensor.size !== channels)) {
      throw new ShapeError(
        `batchNorm: input has ${channels} channels ${formatShape(shape)}, ${name} has shape ${formatShape(tensor.shape)}`,
      );
    }
  }
  checkResidual('batchNorm', residual, shape);
  if (training && geometry.batch * geometry.spatial === 1) {
    throw new ShapeError(
      `batchNorm: training wants more than one value a channel, got input ${formatShape(shape)}`,
    );
  }
}

/** Mean and biased variance `[C]`. A part that comes again, as the features of a dense block do, is not read again. */
function statisticsOf(
  device: Device,
  xs: readonly Tensor[],
  { batch, channels, spatial }: BatchNormGeometry,
): readonly Tensor[] {
  const parts = xs.map((x, i) =>
    x.cached(() => {
      const { mean, variance } = device.batchNormStatistics(x.storage, {
        batch,
        channels: channels[i],
        spatial,
      });
      return [mean, variance].map((storage) => new Tensor({ device, storage }, [channels[i]]));
    }),
  );
  if (parts.length === 1) return parts[0];
  const geometry = { outer: 1, sizes: channels, inner: 1 };
  return [0, 1].map((which) => {
    const storages = parts.map((part) => part[which].storage);
    return new Tensor({ device, storage: device.concat(storages, geometry) }, [sum(channels)]);
  });
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
  device: Device,
  operands: Operands,
  training: boolean,
  geometry: BatchNormGeometry,
): Tensor {
  const [mean, variance, weight, bias, residual, ...xs] = operands;
  const shapes = xs.map(({ shape }) => shape);
  const perChannel = mean.shape;
  const shape = shapes[0].with(1, perChannel[0]);
  const { relu } = geometry;
  const forward = (operands: Operands): Tensor =>
    new Tensor(
      { device, storage: device.batchNorm(partsOf(operands), storagesOf(operands), geometry) },
      shape,
    );

  return record<Operands>(forward(operands), {
    name: 'batchNorm',
    attributes: { ...geometry, mean, variance },
    inputs: [...xs, weight, bias, residual],
    saved: [mean, variance, weight, bias, relu ? residual : null, ...xs],
    recompute: residual ? undefined : forward,
    backward: (dy, saved, wanted) => {
      const gradients = device.batchNormGrad(dy.storage, partsOf(saved), storagesOf(saved), {
        ...geometry,
        training,
      });
      const made = gradients.residual && new Tensor({ device, storage: gradients.residual }, shape);
      return [
        ...gradients.inputs.map((storage, i) => new Tensor({ device, storage }, shapes[i])),
        new Tensor({ device, storage: gradients.weight }, perChannel),
        new Tensor({ device, storage: gradients.bias }, perChannel),
        wanted.at(-1) ? (made ?? dy) : null,
      ];
    },
  });
}

const partsOf = ([, , , , , ...xs]: Operands): Storage[] => xs.map(({ storage }) => storage);

function storagesOf([mean, variance, weight, bias, residual]: Operands): BatchNormOperands<Storage> {
  const present = (tensor: Tensor | null) => tensor?.storage ?? null;
  return {
    mean: mean.storage,
    variance: variance.storage,
    weight: present(weight),
    bias: present(bias),
    residual: present(residual),
  };
}
