/** The residual blocks of He et al. 2016, "Deep residual learning for image recognition", as torchvision builds them. */
import { resolveOptions } from '../arguments.ts';
import { ArgumentError } from '../errors.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ReLU } from './activations.ts';
import { BatchNorm2d } from './batch-norm2d.ts';
import { Conv2d } from './conv2d.ts';
import { Module } from './module.ts';
import { chain, Sequential } from './sequential.ts';

/** The options of `BasicBlock` and `Bottleneck`. */
export interface ResidualBlockOptions {
  /** Halves the resolution where it is 2. Default 1. */
  stride?: number;
  /** Brings the shortcut to the shape of the output; default: the shortcut is the input itself. */
  downsample?: Sequential | null;
  /** Groups of the bottleneck's 3x3 convolution (ResNeXt, Xie et al. 2017). Default 1, all that a basic block takes. */
  groups?: number;
  /** Width of each of those groups per 64 channels of `planes`. Default 64, all that a basic block takes. */
  baseWidth?: number;
}

const BLOCK_DEFAULTS = { stride: 1, downsample: null, groups: 1, baseWidth: 64 } as const;

/** A 1x1 convolution with stride and a batch norm: the shortcut where the shape changes. */
export const shortcut = (inChannels: number, outChannels: number, stride: number): Sequential =>
  new Sequential(
    new Conv2d(inChannels, outChannels, { kernelSize: 1, stride, bias: false }),
    new BatchNorm2d(outChannels),
  );

/** relu(branch(x) + residual), in one pass with the end of the branch unless a hook wants what lies between. */
function join(branch: readonly Module[], x: Tensor, downsample: Sequential | null, relu: ReLU): Tensor {
  return tidy(() => {
    const residual = downsample?.forward(x) ?? x;
    if (relu.isHooked) return relu.forward(chain(branch, x, { residual }));
    return chain(branch, x, { residual, relu: true });
  });
}

/** relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut): `[N, inplanes, H, W]` to `[N, planes, H / stride, W / stride]`. */
export class BasicBlock extends Module {
  /** Output channels per `planes`. */
  static readonly expansion = 1;
  /** 3x3, inplanes to planes, with the block's stride. */
  readonly conv1: Conv2d;
  /** Of planes channels. */
  readonly bn1: BatchNorm2d;
  /** Behind bn1, and behind the sum. */
  readonly relu = new ReLU();
  /** 3x3, planes to planes. */
  readonly conv2: Conv2d;
  /** Of planes channels; the shortcut is added to its output. */
  readonly bn2: BatchNorm2d;
  /** The shortcut, where it is not the input itself. */
  readonly downsample: Sequential | null;

  /**
   * @param inplanes channels of the input
   * @param planes channels of the output
   * @throws ArgumentError for groups or a baseWidth, which are the bottleneck's
   */
  constructor(inplanes: number, planes: number, options: ResidualBlockOptions = {}) {
    super();
    const { stride, downsample, groups, baseWidth } = resolveOptions('BasicBlock', options, BLOCK_DEFAULTS);
    if (groups !== 1 || baseWidth !== 64) {
      throw new ArgumentError(
        `BasicBlock: groups and baseWidth are the bottleneck's, want 1 and 64, got ${groups} and ${baseWidth}`,
      );
    }
    this.conv1 = new Conv2d(inplanes, planes, { kernelSize: 3, stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = new Conv2d(planes, planes, { kernelSize: 3, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(planes);
    this.downsample = downsample;
  }

  /** The batch norm that ends the residual branch. */
  get lastNorm(): BatchNorm2d {
    return this.bn2;
  }

  get #branch(): readonly Module[] {
    return [this.conv1, this.bn1, this.relu, this.conv2, this.bn2];
  }

  override chains(): readonly (readonly Module[])[] {
    return [this.#branch];
  }

  forward(x: Tensor): Tensor {
    return join(this.#branch, x, this.downsample, this.relu);
  }
}

/**
 * A block of 1x1, 3x3 and 1x1 convolutions, each with its batch norm: `[N, inplanes, H, W]` to `[N, 4 * planes, H / stride, W / stride]`.
 * The stride is in the 3x3 convolution, as in torchvision (ResNet v1.5).
 */
export class Bottleneck extends Module {
  /** Output channels per `planes`. */
  static readonly expansion = 4;
  /** 1x1, inplanes to the width of the block, floor(planes * baseWidth / 64) * groups. */
  readonly conv1: Conv2d;
  /** Of the block's width. */
  readonly bn1: BatchNorm2d;
  /** Behind bn1, bn2, and the sum. */
  readonly relu = new ReLU();
  /** 3x3 in groups, of the block's width, with its stride. */
  readonly conv2: Conv2d;
  /** Of the block's width. */
  readonly bn2: BatchNorm2d;
  /** 1x1, the block's width to 4 * planes. */
  readonly conv3: Conv2d;
  /** Of 4 * planes channels; the shortcut is added to its output. */
  readonly bn3: BatchNorm2d;
  /** The shortcut, where it is not the input itself. */
  readonly downsample: Sequential | null;

  /**
   * @param inplanes channels of the input
   * @param planes a quarter of the output's channels
   */
  constructor(inplanes: number, planes: number, options: ResidualBlockOptions = {}) {
    super();
    const { stride, downsample, groups, baseWidth } = resolveOptions('Bottleneck', options, BLOCK_DEFAULTS);
    const width = Math.floor((planes * baseWidth) / 64) * groups;
    const outplanes = planes * Bottleneck.expansion;
    this.conv1 = new Conv2d(inplanes, width, { kernelSize: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, { kernelSize: 3, stride, padding: 1, groups, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = new Conv2d(width, outplanes, { kernelSize: 1, bias: false });
    this.bn3 = new BatchNorm2d(outplanes);
    this.downsample = downsample;
  }

  /** The batch norm that ends the residual branch. */
  get lastNorm(): BatchNorm2d {
    return this.bn3;
  }

  get #branch(): readonly Module[] {
    const { conv1, bn1, conv2, bn2, conv3, bn3, relu } = this;
    return [conv1, bn1, relu, conv2, bn2, relu, conv3, bn3];
  }

  override chains(): readonly (readonly Module[])[] {
    return [this.#branch];
  }

  forward(x: Tensor): Tensor {
    return join(this.#branch, x, this.downsample, this.relu);
  }
}
