/** The parts of DenseNet (Huang et al. 2017, "Densely connected convolutional networks"), as torchvision builds them. */
import { required, resolveOptions } from '../arguments.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ReLU } from './activations.ts';
import { BatchNorm2d } from './batch-norm2d.ts';
import { Conv2d } from './conv2d.ts';
import { Dropout } from './dropout.ts';
import { AcceptsFeatureList, type FeatureMaps, ProducesFeatureList } from './feature-list.ts';
import { Identity } from './flatten.ts';
import type { Module } from './module.ts';
import { AvgPool2d } from './pooling.ts';
import { chain } from './sequential.ts';

/** The options of `DenseLayer`; none has a default. */
export interface DenseLayerOptions {
  /** The channels that each layer adds (k in the paper). */
  growthRate: number;
  /** The 1x1 convolution makes bnSize * growthRate channels. */
  bnSize: number;
  /** The probability of dropout after each layer; 0 for none. */
  dropRate: number;
}

/** norm - relu - conv1x1 - norm - relu - conv3x3 - dropout: all features so far to `[N, growthRate, H, W]`. */
export class DenseLayer extends AcceptsFeatureList {
  /** Of inChannels. */
  readonly norm1: BatchNorm2d;
  /** Behind norm1. */
  readonly relu1 = new ReLU();
  /** 1x1, inChannels to bnSize * growthRate. */
  readonly conv1: Conv2d;
  /** Of bnSize * growthRate channels. */
  readonly norm2: BatchNorm2d;
  /** Behind norm2. */
  readonly relu2 = new ReLU();
  /** 3x3, bnSize * growthRate to growthRate. */
  readonly conv2: Conv2d;
  /** A Dropout, or with dropRate 0 an Identity. */
  readonly dropout: Module;

  /** @param inChannels the channels of all features so far */
  constructor(inChannels: number, options: DenseLayerOptions) {
    super();
    const { growthRate, bnSize, dropRate } = resolveOptions('DenseLayer', options, {
      growthRate: required,
      bnSize: required,
      dropRate: required,
    });
    const width = bnSize * growthRate;
    this.norm1 = new BatchNorm2d(inChannels);
    this.conv1 = new Conv2d(inChannels, width, { kernelSize: 1, bias: false });
    this.norm2 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, growthRate, { kernelSize: 3, padding: 1, bias: false });
    this.dropout = dropRate > 0 ? new Dropout(dropRate) : new Identity();
  }

  get #layers(): readonly Module[] {
    const { norm1, relu1, conv1, norm2, relu2, conv2, dropout } = this;
    return [norm1, relu1, conv1, norm2, relu2, conv2, dropout];
  }

  override chains(): readonly (readonly Module[])[] {
    return [this.#layers];
  }

  /**
   * The channels that the layer adds, `[N, growthRate, H, W]`.
   * @param features `[N, inChannels, H, W]`, or tensors `[N, C_i, H, W]` whose channels add up to inChannels
   */
  forward(features: FeatureMaps): Tensor {
    return chain(this.#layers, features);
  }
}

/** Layers that each see the block's input and all layers before: `[N, C, H, W]` to `[N, C + numLayers * growthRate, H, W]`. */
export class DenseBlock extends ProducesFeatureList {
  /** `denselayer1` and on in a state dict. */
  readonly layers: readonly DenseLayer[];

  constructor(numLayers: number, inChannels: number, options: DenseLayerOptions) {
    super();
    this.layers = Array.from(
      { length: numLayers },
      (_, i) => new DenseLayer(inChannels + i * options.growthRate, options),
    );
  }

  protected override *members(): Iterable<[string, DenseLayer]> {
    for (const [i, layer] of this.layers.entries()) yield [`denselayer${i + 1}`, layer];
  }

  /** The input, and what each layer added. */
  featureList(x: Tensor): readonly Tensor[] {
    const features = [x];
    for (const layer of this.layers) features.push(layer.forward(features));
    return features;
  }
}

/**
 * norm - relu - conv1x1 - average pool: `[N, inChannels, H, W]` to `[N, outChannels, H / 2, W / 2]`. Both last steps are
 * linear, one over channels and one over pixels, so pooling runs first, for a quarter of the products, unless a hook
 * wants the output of the convolution.
 */
export class Transition extends AcceptsFeatureList {
  /** Of inChannels. */
  readonly norm: BatchNorm2d;
  /** Behind the norm. */
  readonly relu = new ReLU();
  /** 1x1, inChannels to outChannels. */
  readonly conv: Conv2d;
  /** 2x2, stride 2. */
  readonly pool = new AvgPool2d({ kernelSize: 2, stride: 2 });

  constructor(inChannels: number, outChannels: number) {
    super();
    this.norm = new BatchNorm2d(inChannels);
    this.conv = new Conv2d(inChannels, outChannels, { kernelSize: 1, bias: false });
  }

  override chains(): readonly (readonly Module[])[] {
    return [[this.norm, this.relu]];
  }

  forward(x: FeatureMaps): Tensor {
    const { norm, relu, conv, pool } = this;
    const isWatched = conv.isHooked || pool.isHooked;
    return chain([norm, relu, ...(isWatched ? [conv, pool] : [pool, conv])], x);
  }
}
