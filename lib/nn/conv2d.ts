import { required, resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { Epilogue } from '../ops/epilogue.ts';
import { type Pair, pair, type WindowArguments, windowOptions } from '../ops/windows.ts';
import { zeros } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import * as init from './init.ts';
import { Module, Parameter } from './module.ts';

/** The options of `Conv2d`. */
export interface Conv2dOptions extends Omit<F.Conv2dOptions, keyof Epilogue> {
  /** Height and width of the kernel, as one number or [height, width]. */
  readonly kernelSize: Pair;
  /** Whether a bias is added per output channel. Default true. */
  readonly bias?: boolean;
}

/**
 * A 2-D convolution (cross-correlation), as torch.nn.Conv2d: x `[N, inChannels, H, W]` to `[N, outChannels, H', W']`,
 * H' = floor((H + 2 * padding - dilation * (kernelHeight - 1) - 1) / stride) + 1, and W' likewise. Weight and bias start
 * uniform in ±1 / sqrt(fanIn), fanIn = inChannels / groups * kernelHeight * kernelWidth.
 *
 *     new Conv2d(3, 8, 3);
 *     new Conv2d(3, 8, 3, { padding: 1, bias: false });
 *     new Conv2d(3, 8, { kernelSize: 3, stride: 2 });
 *
 * @throws ShapeError where groups does not divide the channels
 */
export class Conv2d extends Module<[x: Tensor, epilogue?: Epilogue]> {
  /** `[outChannels, inChannels / groups, kernelHeight, kernelWidth]`. */
  weight: Parameter;
  /** `[outChannels]`, or null. */
  bias: Parameter | null;
  /** The options, with the default of each that was not given. */
  readonly options: Conv2dOptions;

  /** @param window options, or kernelSize, stride and padding in this order and then the other options */
  constructor(
    /** Channels of the input. */
    readonly inChannels: number,
    /** Channels of the output. */
    readonly outChannels: number,
    ...window: WindowArguments<Conv2dOptions>
  ) {
    super();
    this.options = resolveOptions('Conv2d', windowOptions('Conv2d', window), {
      kernelSize: required,
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
      bias: true,
    });
    const { kernelSize, groups = 1, bias } = this.options;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ShapeError(
        `Conv2d: groups must divide the channels, got ${groups} groups for ${inChannels} in and ${outChannels} out`,
      );
    }
    const [height, width] = pair('Conv2d', 'kernelSize', kernelSize, 1);
    this.weight = new Parameter(zeros([outChannels, inChannels / groups, height, width]));
    this.bias = bias ? new Parameter(zeros([outChannels])) : null;
    this.resetParameters();
  }

  /** Draws the initial weight and bias anew. */
  resetParameters(): void {
    const { fanIn } = init.calculateFans(this.weight.shape);
    init.fanInUniform(this.weight, fanIn);
    if (this.bias) init.fanInUniform(this.bias, fanIn);
  }

  /**
   * @param x `[N, inChannels, H, W]`
   * @param epilogue what is added, and whether ReLU follows, in the same pass; default nothing
   * @throws ShapeError for another number of channels, or an image smaller than the kernel
   */
  forward(x: Tensor, epilogue: Epilogue = {}): Tensor {
    const { stride, padding, dilation, groups } = this.options;
    return F.conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups, ...epilogue });
  }
}
