import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import { Module } from './module.ts';

/** The greatest value of each window: x `[N, C, H, W]` to `[N, C, H', W']`, as torch.nn.MaxPool2d. */
export class MaxPool2d extends Module {
  constructor(readonly options: F.MaxPool2dOptions) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, this.options);
  }
}

/** The mean of each window: x `[N, C, H, W]` to `[N, C, H', W']`, as torch.nn.AvgPool2d. */
export class AvgPool2d extends Module {
  constructor(readonly options: F.AvgPool2dOptions) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.options);
  }
}

/** Means over as many windows as asked for: x `[N, C, H, W]` to `[N, C, ...outputSize]`. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: F.OutputSize) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, this.outputSize);
  }
}
