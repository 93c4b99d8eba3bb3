/** Plain convolutional networks to be trained from scratch. */
import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { ReLU } from '../nn/activations.ts';
import { BatchNorm2d } from '../nn/batch-norm2d.ts';
import { Conv2d } from '../nn/conv2d.ts';
import { Dropout } from '../nn/dropout.ts';
import { Flatten } from '../nn/flatten.ts';
import * as init from '../nn/init.ts';
import { Linear } from '../nn/linear.ts';
import type { Module } from '../nn/module.ts';
import { MaxPool2d } from '../nn/pooling.ts';
import { Sequential } from '../nn/sequential.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type FirstConv, ImageModel } from './image-model.ts';

/** The options of `cnn2`, `cnn4` and `cnn15`. */
export interface CnnOptions {
  /** Logits. Default 1. */
  numClasses?: number;
  /** Channels of the images. Default 3. */
  inChannels?: number;
  /** Height and width of the images, in pixels. Default 224. */
  inputSize?: number;
  /** A batch norm after each convolution, which then has no bias. Default: as the network has it. */
  batchNorm?: boolean;
}

/** What tells one network of the family from another. */
export interface CnnPlan {
  /** The widths of the convolutions of each stage; each stage ends in a max pool that halves the resolution. */
  readonly stages: readonly (readonly number[])[];
  /** The width of the hidden dense layer. */
  readonly hidden: number;
  /** The probability of dropout before the last layer. */
  readonly dropout: number;
  /** Whether there is a batch norm after each convolution, unless the options tell. */
  readonly batchNorm: boolean;
}

/**
 * Stages of conv3x3 [- norm] - relu that each end in max pool 2x2, then flatten - dense - relu - dropout - dense:
 * x `[N, inChannels, inputSize, inputSize]` to logits `[N, numClasses]`. Weights start as He et al. 2015 has them.
 * @throws ShapeError where the image is too small for the poolings
 */
export class Cnn extends ImageModel {
  readonly firstConv: FirstConv;
  readonly classifierName = 'classifier';
  readonly numFeatures: number;
  /** The convolutional part, `features` in a state dict. */
  readonly body: Sequential;
  /** The dense layers; `resetClassifier` gives it others. */
  classifier: Module;

  constructor(plan: CnnPlan, options: CnnOptions = {}) {
    super();
    const { stages, hidden, dropout } = plan;
    const { numClasses, inChannels, inputSize, batchNorm } = resolveOptions('Cnn', options, {
      numClasses: 1,
      inChannels: 3,
      inputSize: 224,
      batchNorm: plan.batchNorm,
    });
    const side = Math.floor(inputSize / 2 ** stages.length);
    if (side < 1) {
      throw new ShapeError(
        `cnn: ${stages.length} poolings want an inputSize of ${2 ** stages.length} or more, got ${inputSize}`,
      );
    }
    this.firstConv = { conv: 'features.conv1', norm: batchNorm ? 'features.norm1' : null };
    this.body = new Sequential();
    let channels = inChannels;
    let count = 0;
    stages.forEach((widths, stage) => {
      for (const width of widths) {
        count++;
        const conv = new Conv2d(channels, width, { kernelSize: 3, padding: 1, bias: !batchNorm });
        this.body.set(`conv${count}`, conv);
        if (batchNorm) this.body.set(`norm${count}`, new BatchNorm2d(width));
        this.body.set(`relu${count}`, new ReLU());
        channels = width;
      }
      this.body.set(`pool${stage + 1}`, new MaxPool2d({ kernelSize: 2 }));
    });
    this.numFeatures = channels * side * side;
    this.classifier = new Sequential({
      flatten: new Flatten(),
      fc1: new Linear(this.numFeatures, hidden),
      relu: new ReLU(),
      dropout: new Dropout(dropout),
      fc2: new Linear(hidden, numClasses),
    });
    this.apply((module) => {
      if (module instanceof Conv2d) init.kaimingNormal(module.weight, { nonlinearity: 'relu' });
    });
  }

  protected override *members(): Iterable<[string, unknown]> {
    for (const [key, member] of super.members()) yield [key === 'body' ? 'features' : key, member];
  }

  /** The last ReLU: the pool behind it only makes its map coarser. */
  get lastFeatureLayer(): Module {
    return this.body.get(-2);
  }

  /** The last feature map: x `[N, inChannels, S, S]` to `[N, C, S / 2^stages, S / 2^stages]`. */
  features(x: Tensor): Tensor {
    return this.body.forward(x);
  }

  head(map: Tensor): Tensor {
    return this.classifier.forward(map);
  }

  stages(): Module[][] {
    return [[this.body], [this.classifier]];
  }

  getClassifier(): Module {
    return this.classifier;
  }

  /** `classifier` gets the last map as it is, `[N, K, h, w]`: a Flatten is put before it. */
  protected setClassifier(classifier: Module): void {
    this.classifier = new Sequential({ flatten: new Flatten(), fc: classifier });
  }
}

/** Four layers: conv 16 - pool - conv 32 - pool - dense 64 - dense. */
export const cnn2 = (options?: CnnOptions): Cnn =>
  new Cnn({ stages: [[16], [32]], hidden: 64, dropout: 0, batchNorm: false }, options);

/** Six layers: conv 16, 32, 64, 128, each with a pool - dense 128 - dropout 0.5 - dense. */
export const cnn4 = (options?: CnnOptions): Cnn =>
  new Cnn({ stages: [[16], [32], [64], [128]], hidden: 128, dropout: 0.5, batchNorm: false }, options);

/** Fifteen layers, in the manner of VGG: conv 2x32, 2x64, 3x128, 3x256, 3x256, with batch norm unless told - dense 256 - dropout 0.5 - dense. */
export const cnn15 = (options?: CnnOptions): Cnn =>
  new Cnn(
    {
      stages: [
        [32, 32],
        [64, 64],
        [128, 128, 128],
        [256, 256, 256],
        [256, 256, 256],
      ],
      hidden: 256,
      dropout: 0.5,
      batchNorm: true,
    },
    options,
  );
