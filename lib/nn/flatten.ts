import { flatten } from '../ops/reshape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/** Merges all axes from `startAxis` (default 1) on: `[N, C, H, W]` to `[N, C*H*W]`. */
export class Flatten extends Module {
  constructor(readonly startAxis = 1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startAxis);
  }
}

/** Returns its input: a place to be filled, or one that was emptied. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
