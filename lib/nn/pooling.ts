import { avgPool2dOptions } from '../ops/avg-pool2d.ts';
import { maxPool2dOptions } from '../ops/max-pool2d.ts';
import type { WindowArguments } from '../ops/windows.ts';
import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import { Module } from './module.ts';

/** The largest value of each window, as torch.nn.MaxPool2d: x `[N, C, H, W]` to `[N, C, H', W']`. */
export class MaxPool2d extends Module {
  /** The options, with the default of each that was not given. */
  readonly options: F.MaxPool2dOptions;

  /** @param window options, or kernelSize, stride and padding in this order and then the other options */
  constructor(...window: WindowArguments<F.MaxPool2dOptions>) {
    super();
    this.options = maxPool2dOptions('MaxPool2d', window);
  }

  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, this.options);
  }
}

/** The mean of each window, as torch.nn.AvgPool2d: x `[N, C, H, W]` to `[N, C, H', W']`. */
export class AvgPool2d extends Module {
  /** The options, with the default of each that was not given. */
  readonly options: F.AvgPool2dOptions;

  /** @param window options, or kernelSize, stride and padding in this order and then the other options */
  constructor(...window: WindowArguments<F.AvgPool2dOptions>) {
    super();
    this.options = avgPool2dOptions('AvgPool2d', window);
  }

  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.options);
  }
}

/** Means over as many windows as asked for, as torch.nn.AdaptiveAvgPool2d: x `[N, C, H, W]` to `[N, C, ...outputSize]`. */
export class AdaptiveAvgPool2d extends Module {
  constructor(
    /** Height and width of the output. */
    readonly outputSize: F.OutputSize,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, this.outputSize);
  }
}
