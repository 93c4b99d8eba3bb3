import { resolveOptions } from '../arguments.ts';
import { cat } from '../ops/cat.ts';
import { applyEpilogue, type Epilogue } from '../ops/epilogue.ts';
import { ones, zeros } from '../tensor/create.ts';
import { Tensor } from '../tensor/tensor.ts';
import { AcceptsFeatureList, type FeatureMaps } from './feature-list.ts';
import * as F from './functional.ts';
import { Buffer, Parameter } from './module.ts';

/** The options of `BatchNorm2d`. */
export interface BatchNorm2dOptions {
  /** Added to the variance before its square root is taken. Default 1e-5. */
  eps?: number;
  /** The weight of the newest batch in the running statistics. Default 0.1. */
  momentum?: number;
  /** Whether there is a weight and a bias per channel. Default true. */
  affine?: boolean;
  /** Without running statistics evaluation uses the batch's own, too. Default true. */
  trackRunningStats?: boolean;
}

/**
 * (x - mean) / sqrt(variance + eps) * weight + bias per channel (Ioffe & Szegedy 2015), as torch.nn.BatchNorm2d:
 * x `[N, numFeatures, H, W]`, in one map or in parts along the channels, to one of that shape. In training, mean and
 * biased variance are the batch's, and the running statistics take in the unbiased variance; in evaluation they are the
 * running ones.
 */
export class BatchNorm2d extends AcceptsFeatureList<[epilogue?: Epilogue]> {
  /** `[numFeatures]`, ones at first; null without `affine`. */
  weight: Parameter | null;
  /** `[numFeatures]`, zeros at first; null without `affine`. */
  bias: Parameter | null;
  /** `[numFeatures]`, zeros at first; null without `trackRunningStats`. */
  runningMean: Buffer | null;
  /** `[numFeatures]`, ones at first, of unbiased variances; null without `trackRunningStats`. */
  runningVar: Buffer | null;
  /** `[]`: the number of training batches seen, exact to 2^24; null without `trackRunningStats`. */
  numBatchesTracked: Buffer | null;
  /** Whether the convolution before it has taken it over. @internal */
  isFolded = false;
  /** What is added to the variance before its square root is taken. */
  readonly eps: number;
  /** The weight of the newest batch in the running statistics. */
  readonly momentum: number;

  constructor(
    /** The number of channels. */
    readonly numFeatures: number,
    options: BatchNorm2dOptions = {},
  ) {
    super();
    const { eps, momentum, affine, trackRunningStats } = resolveOptions('BatchNorm2d', options, {
      eps: 1e-5,
      momentum: 0.1,
      affine: true,
      trackRunningStats: true,
    });
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(ones([numFeatures])) : null;
    this.bias = affine ? new Parameter(zeros([numFeatures])) : null;
    this.runningMean = trackRunningStats ? new Buffer(zeros([numFeatures])) : null;
    this.runningVar = trackRunningStats ? new Buffer(ones([numFeatures])) : null;
    this.numBatchesTracked = trackRunningStats ? new Buffer(zeros([])) : null;
  }

  /** Gives up what the convolution before it has taken over: only residual and ReLU are left. @internal */
  fold(): void {
    this.dispose();
    this.weight = this.bias = this.runningMean = this.runningVar = this.numBatchesTracked = null;
    this.isFolded = true;
  }

  /**
   * @param x `[N, numFeatures, H, W]`, or tensors `[N, C_i, H, W]` whose channels add up to numFeatures
   * @param epilogue what is added, and whether ReLU follows, in the same pass; default nothing
   * @throws ShapeError for another number of channels, and in training for a single value per channel
   */
  forward(x: FeatureMaps, epilogue: Epilogue = {}): Tensor {
    const { weight, bias, runningMean, runningVar, numBatchesTracked, momentum, eps } = this;
    if (this.isFolded) return applyEpilogue(x instanceof Tensor ? x : cat(x, 1), epilogue);
    if (this.training && numBatchesTracked) {
      const { device, storage } = numBatchesTracked;
      numBatchesTracked.assign(device.unary('addScalar', storage, 1));
    }
    return F.batchNorm(x, runningMean, runningVar, {
      weight,
      bias,
      training: this.training || runningMean === null,
      momentum,
      eps,
      ...epilogue,
    });
  }
}
