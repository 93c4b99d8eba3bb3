/** Modules between which a concatenation along the channels need not be made. */
import { cat } from '../ops/cat.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/** A feature map `[N, C, H, W]`, or maps `[N, C_i, H, W]` whose concatenation along the channels is meant. */
export type FeatureMaps = Tensor | readonly Tensor[];

/** A module that accepts a list of feature maps in place of their concatenation. */
export abstract class AcceptsFeatureList<Options extends unknown[] = []> extends Module<
  [x: FeatureMaps, ...options: Options]
> {}

/** A module that produces a list of feature maps, whose concatenation is its output. */
export abstract class ProducesFeatureList extends Module {
  /** What `forward` concatenates, for a module that accepts a list. */
  abstract featureList(x: Tensor): readonly Tensor[];

  forward(x: Tensor): Tensor {
    return cat(this.featureList(x), 1);
  }
}
