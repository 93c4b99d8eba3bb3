/** DenseNet (Huang et al. 2017), as torchvision's densenet.py. */

import { resolveOptions } from '../arguments.ts';
import { ReLU } from '../nn/activations.ts';
import { BatchNorm2d } from '../nn/batch-norm2d.ts';
import { Conv2d } from '../nn/conv2d.ts';
import { DenseBlock, Transition } from '../nn/dense-block.ts';
import { Flatten } from '../nn/flatten.ts';
import * as init from '../nn/init.ts';
import { Linear } from '../nn/linear.ts';
import type { Module } from '../nn/module.ts';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.ts';
import { chain, Sequential } from '../nn/sequential.ts';
import type { LoadReport } from '../nn/state-dict.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type FirstConv, ImageModel, onlyLinear } from './image-model.ts';

/** The options of the DenseNets. */
export interface DenseNetOptions {
  /** Logits. Default 1000. */
  numClasses?: number;
  /** Channels of the images. Default 3. */
  inChannels?: number;
  /** The probability of dropout after each dense layer. Default 0. */
  dropRate?: number;
  /** A layer's 1x1 convolution makes bnSize * growthRate channels. Default 4. */
  bnSize?: number;
}

const OLD_SPELLING = /(\.denselayer\d+\.(?:norm|relu|conv))\.([12]\.)/;

/** The stem, four dense blocks with transitions between, and a linear head: x `[N, inChannels, H, W]` to logits `[N, numClasses]`. */
export class DenseNet extends ImageModel {
  readonly firstConv: FirstConv = { conv: 'features.conv0', norm: 'features.norm0' };
  readonly classifierName = 'classifier';
  readonly numFeatures: number;
  /** The convolutional part, `features` in a state dict. */
  readonly body: Sequential;
  /** Behind the body. */
  readonly relu = new ReLU();
  /** The mean of each channel of the last map: `[N, C, h, w]` to `[N, C, 1, 1]`. */
  readonly avgpool = new AdaptiveAvgPool2d(1);
  /** `[N, C, 1, 1]` to `[N, C]`. */
  readonly flatten = new Flatten();
  /** The last layer; `resetClassifier` makes another, for other classes. */
  classifier: Module;

  /**
   * @param growthRate the channels that each layer adds (k in the paper)
   * @param depths the layers of each block
   * @param stemChannels the channels that the first convolution makes
   */
  constructor(
    growthRate: number,
    depths: readonly [number, number, number, number],
    stemChannels: number,
    options: DenseNetOptions = {},
  ) {
    super();
    const { numClasses, inChannels, dropRate, bnSize } = resolveOptions('DenseNet', options, {
      numClasses: 1000,
      inChannels: 3,
      dropRate: 0,
      bnSize: 4,
    });
    this.body = new Sequential({
      conv0: new Conv2d(inChannels, stemChannels, { kernelSize: 7, stride: 2, padding: 3, bias: false }),
      norm0: new BatchNorm2d(stemChannels),
      relu0: new ReLU(),
      pool0: new MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 }),
    });
    let channels = stemChannels;
    depths.forEach((depth, i) => {
      this.body.set(`denseblock${i + 1}`, new DenseBlock(depth, channels, { growthRate, bnSize, dropRate }));
      channels += depth * growthRate;
      if (i === depths.length - 1) return;
      this.body.set(`transition${i + 1}`, new Transition(channels, Math.floor(channels / 2)));
      channels = Math.floor(channels / 2);
    });
    this.body.set('norm5', new BatchNorm2d(channels));
    this.numFeatures = channels;
    const classifier = new Linear(channels, numClasses);
    this.classifier = classifier;

    this.apply((module) => {
      if (module instanceof Conv2d) init.kaimingNormal(module.weight);
    });
    if (classifier.bias) init.zeros(classifier.bias);
  }

  protected override *members(): Iterable<[string, unknown]> {
    for (const [key, member] of super.members()) yield [key === 'body' ? 'features' : key, member];
  }

  /** As Module's; files from before 2018 that spell `norm.1` for `norm1` (and relu, conv) are understood. */
  override loadStateDict(state: ReadonlyMap<string, Tensor>, options?: { strict?: boolean }): LoadReport {
    const renamed = [...state].map(([key, tensor]) => [key.replace(OLD_SPELLING, '$1$2'), tensor] as const);
    return super.loadStateDict(new Map(renamed), options);
  }

  get lastFeatureLayer(): Module {
    return this.relu;
  }

  /**
   * The last feature map, before pooling: x `[N, inChannels, H, W]` to `[N, C, H / 32, W / 32]`.
   * It is past the last ReLU, which torchvision's `features` leaves out.
   */
  features(x: Tensor): Tensor {
    return chain([...(this.body.isHooked ? [this.body] : this.body), this.relu], x);
  }

  head(map: Tensor): Tensor {
    return chain([this.avgpool, this.flatten, this.classifier], map);
  }

  stages(): Module[][] {
    const part = (...names: string[]) => names.map((name) => this.body.get(name));
    return [
      part('conv0', 'norm0'),
      part('denseblock1', 'transition1'),
      part('denseblock2', 'transition2'),
      part('denseblock3', 'transition3'),
      part('denseblock4', 'norm5'),
      [this.classifier],
    ];
  }

  getClassifier(): Module {
    return this.classifier;
  }

  protected setClassifier(classifier: Module): void {
    this.classifier = classifier;
  }

  override linearOnMeans(): Linear | null {
    return onlyLinear(this.classifier);
  }
}

/** DenseNet-121 (growth rate 32, blocks of 6, 12, 24, 16 layers; Huang et al. 2017, table 1), as torchvision's densenet121. */
export const densenet121 = (options?: DenseNetOptions): DenseNet =>
  new DenseNet(32, [6, 12, 24, 16], 64, options);
/** DenseNet-161 (growth rate 48, blocks of 6, 12, 36, 24 layers, 96 stem channels), as torchvision's densenet161. */
export const densenet161 = (options?: DenseNetOptions): DenseNet =>
  new DenseNet(48, [6, 12, 36, 24], 96, options);
/** DenseNet-169 (growth rate 32, blocks of 6, 12, 32, 32 layers), as torchvision's densenet169. */
export const densenet169 = (options?: DenseNetOptions): DenseNet =>
  new DenseNet(32, [6, 12, 32, 32], 64, options);
/** DenseNet-201 (growth rate 32, blocks of 6, 12, 48, 32 layers), as torchvision's densenet201. */
export const densenet201 = (options?: DenseNetOptions): DenseNet =>
  new DenseNet(32, [6, 12, 48, 32], 64, options);
