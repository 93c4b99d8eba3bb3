/** Modules between which a concatenation along the channels need not be made. */
import { cat } from '../ops/cat.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/** A feature map `[N, C, H, W]`, or maps `[N, C_i, H, W]` whose concatenation along the channels is meant. */
export type FeatureMaps = Tensor | readonly Tensor[];

/** A module that takes feature maps as they are. */
export abstract class TakesParts<Options extends unknown[] = []> extends Module<
  [x: FeatureMaps, ...options: Options]
> {}

/** A module whose output is a concatenation along the channels. */
export abstract class MakesParts extends Module {
  /** What `forward` concatenates, for a module that takes parts. */
  abstract parts(x: Tensor): readonly Tensor[];

  forward(x: Tensor): Tensor {
    return cat(this.parts(x), 1);
  }
}
