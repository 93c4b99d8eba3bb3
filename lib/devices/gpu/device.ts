import * as norm from '../../../kernels/gpu/batch-norm.ts';
import * as conv from '../../../kernels/gpu/conv2d.ts';
import { matmulProgram } from '../../../kernels/gpu/matmul.ts';
import * as optim from '../../../kernels/gpu/optim.ts';
import * as pool from '../../../kernels/gpu/pool.ts';
import {
  horizontalAxis,
  type Margin,
  outputMargin,
  verticalAxis,
} from '../../../kernels/gpu/program/windows.ts';
import {
  composedBatchNorm,
  composedBatchNormGrad,
  type PlainBatchNormGeometry,
} from '../composed/batch-norm.ts';
import { composedEpilogue } from '../composed/epilogue.ts';
import type * as D from '../device.ts';
import { GpuCore, GpuStorage, keyOf } from './core.ts';

export { GpuStorage };

/** Every primitive as one or a few programs on a gpu.js runtime: products, convolutions, pools, norms and optimisers. */
export class GpuDevice<B> extends GpuCore<B> implements D.Device<GpuStorage<B>> {
  matmul(a: GpuStorage<B>, b: GpuStorage<B>, bias: GpuStorage<B> | null, g: D.MatmulGeometry): GpuStorage<B> {
    const build = () => matmulProgram(g, bias !== null);
    return this.run(g.batch * g.m * g.n, keyOf('matmul', g, bias !== null), build, present(a, b, bias));
  }

  conv2d(
    x: GpuStorage<B>,
    w: GpuStorage<B>,
    bias: GpuStorage<B> | null,
    g: D.Conv2dGeometry,
    epilogue?: D.Epilogue<GpuStorage<B>>,
  ): GpuStorage<B> {
    const y = this.correlate(x, w, bias, g);
    return epilogue ? composedEpilogue(this, y, epilogue) : y;
  }

  /** conv2d without what follows. */
  protected correlate(
    x: GpuStorage<B>,
    w: GpuStorage<B>,
    bias: GpuStorage<B> | null,
    g: D.Conv2dGeometry,
  ): GpuStorage<B> {
    if (isPadded(g)) return this.unpadded(x, g, (padded, plain) => this.correlate(padded, w, bias, plain));
    const length = g.batch * g.outChannels * g.outHeight * g.outWidth;
    const build = () => conv.conv2dProgram(g, bias !== null);
    return this.run(length, keyOf('conv2d', g, bias !== null), build, present(x, w, bias));
  }

  conv2dInputGrad(dy: GpuStorage<B>, w: GpuStorage<B>, g: D.Conv2dGeometry): GpuStorage<B> {
    const vertical = outputMargin(verticalAxis(g));
    const horizontal = outputMargin(horizontalAxis(g));
    if (vertical && horizontal && sum(vertical) + sum(horizontal) > 0) {
      const planes = [g.batch * g.outChannels, g.outHeight, g.outWidth];
      return this.amongZeros(dy, planes, vertical, horizontal, (padded) =>
        this.conv2dInputGrad(padded, w, {
          ...g,
          outHeight: g.outHeight + sum(vertical),
          outWidth: g.outWidth + sum(horizontal),
          paddingHeight: g.paddingHeight + vertical.before,
          paddingWidth: g.paddingWidth + horizontal.before,
        }),
      );
    }
    const length = g.batch * g.inChannels * g.inHeight * g.inWidth;
    return this.run(length, keyOf('conv2dInputGrad', g), () => conv.conv2dInputGradProgram(g), [dy, w]);
  }

  conv2dWeightGrad(x: GpuStorage<B>, dy: GpuStorage<B>, g: D.Conv2dGeometry): GpuStorage<B> {
    if (isPadded(g)) return this.unpadded(x, g, (padded, plain) => this.conv2dWeightGrad(padded, dy, plain));
    const rows = conv.weightGradRows(g);
    const parts = Math.ceil((g.batch * g.outHeight) / rows);
    const length = (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups;
    const build = () => conv.conv2dWeightGradProgram(g, rows);
    const partial = this.run(parts * length, keyOf('conv2dWeightGrad', g), build, [x, dy]);
    if (parts === 1) return partial;
    const total = this.reduceAxis('sum', partial, 1, parts, length);
    this.free(partial);
    return total;
  }

  maxPool2d(x: GpuStorage<B>, g: D.MaxPool2dGeometry): { output: GpuStorage<B>; indices: GpuStorage<B> } {
    const length = outputSize(g);
    const indices = this.run(length, keyOf('maxPool2dIndices', g), () => pool.maxPool2dIndicesProgram(g), [
      x,
    ]);
    const build = () => pool.maxPool2dOutputProgram(g);
    return { output: this.run(length, keyOf('maxPool2dOutput', g), build, [x, indices]), indices };
  }

  maxPool2dGrad(dy: GpuStorage<B>, indices: GpuStorage<B>, g: D.MaxPool2dGeometry): GpuStorage<B> {
    const build = () => pool.maxPool2dGradProgram(g);
    return this.run(inputSize(g), keyOf('maxPool2dGrad', g), build, [dy, indices]);
  }

  avgPool2d(x: GpuStorage<B>, g: D.AvgPool2dGeometry): GpuStorage<B> {
    return this.run(outputSize(g), keyOf('avgPool2d', g), () => pool.avgPool2dProgram(g), [x]);
  }

  avgPool2dGrad(dy: GpuStorage<B>, g: D.AvgPool2dGeometry): GpuStorage<B> {
    return this.run(inputSize(g), keyOf('avgPool2dGrad', g), () => pool.avgPool2dGradProgram(g), [dy]);
  }

  adaptiveAvgPool2d(x: GpuStorage<B>, g: D.AdaptivePool2dGeometry): GpuStorage<B> {
    const build = () => pool.adaptiveAvgPool2dProgram(g);
    return this.run(outputSize(g), keyOf('adaptiveAvgPool2d', g), build, [x]);
  }

  adaptiveAvgPool2dGrad(dy: GpuStorage<B>, g: D.AdaptivePool2dGeometry): GpuStorage<B> {
    const build = () => pool.adaptiveAvgPool2dGradProgram(g);
    return this.run(inputSize(g), keyOf('adaptiveAvgPool2dGrad', g), build, [dy]);
  }

  batchNormStatistics(
    x: GpuStorage<B>,
    g: D.ChannelGeometry,
  ): { mean: GpuStorage<B>; variance: GpuStorage<B> } {
    const factor = 1 / (g.batch * g.spatial);
    const mean = this.channelSum('x', [x], g, factor);
    return { mean, variance: this.channelSum('squaredDeviation', [x, mean], g, factor) };
  }

  batchNorm(
    xs: readonly GpuStorage<B>[],
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    bias: GpuStorage<B> | null,
    residual: GpuStorage<B> | null,
    g: D.BatchNormGeometry,
  ): GpuStorage<B> {
    return composedBatchNorm(this, xs, mean, variance, weight, bias, residual, g);
  }

  batchNormGrad(
    dy: GpuStorage<B>,
    xs: readonly GpuStorage<B>[],
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    bias: GpuStorage<B> | null,
    residual: GpuStorage<B> | null,
    training: boolean,
    g: D.BatchNormGeometry,
  ): { inputs: GpuStorage<B>[]; weight: GpuStorage<B>; bias: GpuStorage<B>; residual: GpuStorage<B> | null } {
    return composedBatchNormGrad(this, dy, xs, mean, variance, weight, bias, residual, training, g);
  }

  normalize(
    x: GpuStorage<B>,
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    bias: GpuStorage<B> | null,
    g: PlainBatchNormGeometry,
  ): GpuStorage<B> {
    const scale = this.channelScale(variance, weight, g);
    const build = () => norm.batchNormProgram(g, bias !== null);
    const y = this.run(
      x.length,
      planeKey('batchNorm', g, bias !== null),
      build,
      present(x, mean, scale, bias),
    );
    this.free(scale);
    return y;
  }

  normalizeGrad(
    dy: GpuStorage<B>,
    x: GpuStorage<B>,
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    training: boolean,
    g: PlainBatchNormGeometry,
  ): { input: GpuStorage<B>; weight: GpuStorage<B>; bias: GpuStorage<B> } {
    const rstd = this.channelScale(variance, null, g);
    const scale = weight ? this.channelScale(variance, weight, g) : rstd;
    const dBias = this.channelSum('x', [dy], g, 1);
    const product = this.channelSum('product', [x, dy, mean], g, 1);
    const dWeight = this.run(
      g.channels,
      `channelProduct ${g.channels}`,
      () => norm.channelProductProgram(g),
      [product, rstd],
    );
    const input = training
      ? this.run(x.length, planeKey('batchNormInputGrad', g), () => norm.batchNormInputGradProgram(g), [
          dy,
          x,
          mean,
          rstd,
          scale,
          dWeight,
          dBias,
        ])
      : this.run(x.length, planeKey('batchNormScaleGrad', g), () => norm.batchNormScaleGradProgram(g), [
          dy,
          scale,
        ]);
    for (const temporary of new Set([rstd, scale, product])) this.free(temporary);
    return { input, weight: dWeight, bias: dBias };
  }

  sgdStep(
    param: GpuStorage<B>,
    grad: GpuStorage<B>,
    velocity: GpuStorage<B> | null,
    step: D.SgdStep,
  ): { param: GpuStorage<B>; velocity: GpuStorage<B> | null } {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = step;
    const old = momentum === 0 ? null : velocity;
    const variant = { momentum: momentum !== 0, velocity: old !== null, nesterov, maximize };
    const [next, nextVelocity] = this.pointwise(
      keyOf('sgdStep', variant),
      () => optim.sgdStep(variant),
      present(param, grad, old),
      [lr, momentum, dampening, weightDecay],
    );
    return { param: next, velocity: nextVelocity ?? null };
  }

  adamStep(
    param: GpuStorage<B>,
    grad: GpuStorage<B>,
    mean: GpuStorage<B>,
    square: GpuStorage<B>,
    step: D.AdamStep,
  ): { param: GpuStorage<B>; mean: GpuStorage<B>; square: GpuStorage<B> } {
    const { lr, beta1, beta2, eps, weightDecay, decoupled } = step;
    const penalty = decoupled ? 0 : weightDecay;
    const keep = decoupled ? 1 - lr * weightDecay : 1;
    const stepSize = lr / (1 - beta1 ** step.step);
    const rootCorrection = 1 / Math.sqrt(1 - beta2 ** step.step);
    const [next, nextMean, nextSquare] = this.pointwise(
      'adamStep',
      optim.adamStep,
      [param, grad, mean, square],
      [beta1, beta2, penalty, keep, stepSize, rootCorrection, eps],
    );
    return { param: next, mean: nextMean, square: nextSquare };
  }

  /** Calls `use` with the input among the zeros of its padding: its loops need no conditions then. */
  private unpadded(
    x: GpuStorage<B>,
    g: D.Conv2dGeometry,
    use: (padded: GpuStorage<B>, plain: D.Conv2dGeometry) => GpuStorage<B>,
  ): GpuStorage<B> {
    const { paddingHeight, paddingWidth } = g;
    const vertical = { before: paddingHeight, after: paddingHeight };
    const horizontal = { before: paddingWidth, after: paddingWidth };
    const inHeight = g.inHeight + 2 * paddingHeight;
    const inWidth = g.inWidth + 2 * paddingWidth;
    const plain = { ...g, inHeight, inWidth, paddingHeight: 0, paddingWidth: 0 };
    const planes = [g.batch * g.inChannels, g.inHeight, g.inWidth];
    return this.amongZeros(x, planes, vertical, horizontal, (padded) => use(padded, plain));
  }

  private amongZeros(
    x: GpuStorage<B>,
    shape: readonly number[],
    vertical: Margin,
    horizontal: Margin,
    use: (padded: GpuStorage<B>) => GpuStorage<B>,
  ): GpuStorage<B> {
    const padded = this.pad(x, {
      shape,
      before: [0, vertical.before, horizontal.before],
      after: [0, vertical.after, horizontal.after],
      interior: [0, 0, 0],
      value: 0,
    });
    const result = use(padded);
    this.free(padded);
    return result;
  }

  /** factor * the sum of a term over batch and space, `[channels]`. */
  private channelSum(
    term: norm.ChannelTerm,
    inputs: readonly GpuStorage<B>[],
    g: D.ChannelGeometry,
    factor: number,
  ): GpuStorage<B> {
    const length = g.batch * g.channels * norm.channelParts(g);
    const build = () => norm.channelSumsProgram(term, g);
    const sums = this.run(length, planeKey(`channelSums ${term}`, g), build, inputs);
    const totals = this.run(
      g.channels,
      planeKey('channelTotals', g),
      () => norm.channelTotalsProgram(g),
      [sums],
      [factor],
    );
    this.free(sums);
    return totals;
  }

  private channelScale(
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    g: PlainBatchNormGeometry,
  ): GpuStorage<B> {
    const key = `channelScale ${g.channels} ${weight !== null}`;
    const build = () => norm.channelScaleProgram(g, weight !== null);
    return this.run(g.channels, key, build, present(variance, weight), [g.eps]);
  }
}

const sum = ({ before, after }: Margin) => before + after;
const isPadded = (g: D.Conv2dGeometry) => g.paddingHeight + g.paddingWidth > 0;

function present<T>(...values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

/** As keyOf, without eps: an argument. */
function planeKey(op: string, g: D.ChannelGeometry, ...rest: readonly boolean[]): string {
  return `${op} ${g.batch},${g.channels},${g.spatial} ${rest.join(' ')}`;
}

type Planes = {
  batch: number;
  channels: number;
  inHeight: number;
  inWidth: number;
  outHeight: number;
  outWidth: number;
};

const inputSize = (g: Planes) => g.batch * g.channels * g.inHeight * g.inWidth;
const outputSize = (g: Planes) => g.batch * g.channels * g.outHeight * g.outWidth;
