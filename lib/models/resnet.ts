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
import { ImageModel, onlyLinear } from './image-model.ts';

export interface ResNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Default 3. */
  inChannels?: number;
  /** Starts each residual branch at zero, so that a block starts as its shortcut. Default false. */
  zeroInitResidual?: boolean;
  /** Of the 3x3 convolutions; bottleneck networks only. Default 1. */
  groups?: number;
  /** Default 64. */
  widthPerGroup?: number;
}

/** The stem, four stages of residual blocks, and a linear head: x `[N, inChannels, H, W]` to logits `[N, numClasses]`. */
export class ResNet extends ImageModel {
  readonly firstConv = { conv: 'conv1', norm: 'bn1' };
  readonly classifierName = 'fc';
  readonly numFeatures: number;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly relu = new ReLU();
  readonly maxpool = new MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 });
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly flatten = new Flatten();
  /** The last layer; assign another layer to train for other classes. */
  fc: Module;

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

export const resnet18 = (options?: ResNetOptions): ResNet => new ResNet(BasicBlock, [2, 2, 2, 2], options);
export const resnet34 = (options?: ResNetOptions): ResNet => new ResNet(BasicBlock, [3, 4, 6, 3], options);
export const resnet50 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 4, 6, 3], options);
export const resnet101 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 4, 23, 3], options);
export const resnet152 = (options?: ResNetOptions): ResNet => new ResNet(Bottleneck, [3, 8, 36, 3], options);
