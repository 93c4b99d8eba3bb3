/** ResNet (He et al. 2016) and, by `groups` and `widthPerGroup`, ResNeXt (Xie et al. 2017), as torchvision's resnet.py. */
import { resolveOptions } from '../arguments.ts';
import { ReLU } from '../nn/activations.ts';
import { BatchNorm2d } from '../nn/batch-norm2d.ts';
import { Conv2d } from '../nn/conv2d.ts';
import { Flatten } from '../nn/flatten.ts';
import * as init from '../nn/init.ts';
import { Linear } from '../nn/linear.ts';
import type { Module } from '../nn/module.ts';
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.ts';
import { BasicBlock, Bottleneck, shortcut } from '../nn/residual-block.ts';
import { chain, Sequential } from '../nn/sequential.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type FirstConv, ImageModel, onlyLinear } from './image-model.ts';

/** The options of the ResNets. */
export interface ResNetOptions {
  /** Logits. Default 1000. */
  numClasses?: number;
  /** Channels of the images. Default 3. */
  inChannels?: number;
  /** Starts the weight of each block's last batch norm at 0, so that the block starts as its shortcut. Default false. */
  zeroInitResidual?: boolean;
  /** Groups of the 3x3 convolutions; bottleneck networks only. Default 1. */
  groups?: number;
  /** Width of a group per 64 channels; bottleneck networks only. Default 64. */
  widthPerGroup?: number;
}

/** The stem, four stages of residual blocks, and a linear head: x `[N, inChannels, H, W]` to logits `[N, numClasses]`. */
export class ResNet extends ImageModel {
  readonly firstConv: FirstConv = { conv: 'conv1', norm: 'bn1' };
  readonly classifierName = 'fc';
  readonly numFeatures: number;
  /** 7x7, stride 2: `[N, inChannels, H, W]` to `[N, 64, H / 2, W / 2]`. */
  readonly conv1: Conv2d;
  /** Of 64 channels. */
  readonly bn1: BatchNorm2d;
  /** Behind bn1. */
  readonly relu = new ReLU();
  /** 3x3, stride 2: to `[N, 64, H / 4, W / 4]`. */
  readonly maxpool = new MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 });
  /** To `[N, 64 * expansion, H / 4, W / 4]`. */
  readonly layer1: Sequential;
  /** To `[N, 128 * expansion, H / 8, W / 8]`. */
  readonly layer2: Sequential;
  /** To `[N, 256 * expansion, H / 16, W / 16]`. */
  readonly layer3: Sequential;
  /** To `[N, 512 * expansion, H / 32, W / 32]`, the last feature map. */
  readonly layer4: Sequential;
  /** The mean of each channel of the last map: `[N, C, h, w]` to `[N, C, 1, 1]`. */
  readonly avgpool = new AdaptiveAvgPool2d(1);
  /** `[N, C, 1, 1]` to `[N, C]`. */
  readonly flatten = new Flatten();
  /** The last layer; `resetClassifier` makes another, for other classes. */
  fc: Module;

  /**
   * @param block the kind of residual block
   * @param depths the blocks of each stage
   * @throws ArgumentError for groups or a widthPerGroup with basic blocks
   */
  constructor(
    block: typeof BasicBlock | typeof Bottleneck,
    depths: readonly [number, number, number, number],
    options: ResNetOptions = {},
  ) {
    super();
    const { numClasses, inChannels, zeroInitResidual, groups, widthPerGroup } = resolveOptions(
      'ResNet',
      options,
      { numClasses: 1000, inChannels: 3, zeroInitResidual: false, groups: 1, widthPerGroup: 64 },
    );
    let inplanes = 64;
    const stage = (planes: number, depth: number, stride: number): Sequential => {
      const outplanes = planes * block.expansion;
      const blocks = Array.from({ length: depth }, (_, i) => {
        const options = { stride: i === 0 ? stride : 1, groups, baseWidth: widthPerGroup };
        const changes = options.stride !== 1 || inplanes !== outplanes;
        const downsample = changes ? shortcut(inplanes, outplanes, options.stride) : null;
        const made = new block(inplanes, planes, { ...options, downsample });
        inplanes = outplanes;
        return made;
      });
      return new Sequential(...blocks);
    };
    this.conv1 = new Conv2d(inChannels, 64, { kernelSize: 7, stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(64);
    this.layer1 = stage(64, depths[0], 1);
    this.layer2 = stage(128, depths[1], 2);
    this.layer3 = stage(256, depths[2], 2);
    this.layer4 = stage(512, depths[3], 2);
    this.numFeatures = 512 * block.expansion;
    this.fc = new Linear(this.numFeatures, numClasses);

    this.apply((module) => {
      if (module instanceof Conv2d) {
        init.kaimingNormal(module.weight, { mode: 'fanOut', nonlinearity: 'relu' });
      } else if (zeroInitResidual && (module instanceof BasicBlock || module instanceof Bottleneck)) {
        if (module.lastNorm.weight) init.zeros(module.lastNorm.weight);
      }
    });
  }

  override chains(): readonly (readonly Module[])[] {
    return [[this.conv1, this.bn1, this.relu, this.maxpool]];
  }

  get lastFeatureLayer(): Module {
    return this.layer4;
  }

  /** The last feature map, before pooling: x `[N, inChannels, H, W]` to `[N, 512 * expansion, H / 32, W / 32]`. */
  features(x: Tensor): Tensor {
    const { conv1, bn1, relu, maxpool, layer1, layer2, layer3, layer4 } = this;
    return chain([conv1, bn1, relu, maxpool, layer1, layer2, layer3, layer4], x);
  }

  head(map: Tensor): Tensor {
    return chain([this.avgpool, this.flatten, this.fc], map);
  }

  stages(): Module[][] {
    const { conv1, bn1, layer1, layer2, layer3, layer4, fc } = this;
    return [[conv1, bn1], [layer1], [layer2], [layer3], [layer4], [fc]];
  }

  getClassifier(): Module {
    return this.fc;
  }

  protected setClassifier(classifier: Module): void {
    this.fc = classifier;
  }

  override linearOnMeans(): Linear | null {
    return onlyLinear(this.fc);
  }
}

/** ResNet-18 (basic blocks, 2, 2, 2, 2; He et al. 2016, table 1), as torchvision's resnet18. */
export const resnet18 = (options?: ResNetOptions): ResNet => new ResNet(BasicBlock, [2, 2, 2, 2], options);
/** ResNet-34 (basic blocks, 3, 4, 6, 3), as torchvision's resnet34. */
export const resnet34 = (options?: ResNetOptions): ResNet => new ResNet(BasicBlock, [3, 4, 6, 3], options);
/** ResNet-50 (bottlenecks, 3, 4, 6, 3; with the stride in the 3x3 convolution), as torchvision's resnet50. */
export const resnet50 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 4, 6, 3], options);
/** ResNet-101 (bottlenecks, 3, 4, 23, 3), as torchvision's resnet101. */
export const resnet101 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 4, 23, 3], options);
/** ResNet-152 (bottlenecks, 3, 8, 36, 3), as torchvision's resnet152. */
export const resnet152 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 8, 36, 3], options);
