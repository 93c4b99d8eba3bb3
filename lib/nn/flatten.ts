import { flatten } from '../ops/reshape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/** Merges all axes from `startAxis` on, as torch.nn.Flatten: `[N, C, H, W]` to `[N, C*H*W]`. */
export class Flatten extends Module {
  constructor(
    /** The first axis that is merged. Default 1. */
    readonly startAxis = 1,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startAxis);
  }
}

/** Returns its input, as torch.nn.Identity: where a layer may stand, and none does. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
