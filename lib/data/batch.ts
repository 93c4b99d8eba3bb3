import { tensor } from '../tensor/create.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Inputs and targets of one step, still on the host. */
export class Batch {
  constructor(
    /** Where in the data set the samples stand. */
    readonly indices: readonly number[],
    /** Of the inputs: `[N, ...]`, `[N, C, H, W]` for images. */
    readonly shape: Shape,
    readonly inputs: Float32Array,
    readonly targets: Float32Array,
    /** What each sample counts in the loss; null for 1. */
    readonly weights: Float32Array | null,
    /** Of one target: `[1]` (default) for a logit each, `[]` for class indices. */
    readonly targetShape: Shape = [1],
  ) {}

  get size(): number {
    return this.indices.length;
  }

  /**
   * x, y `[N, ...targetShape]` and the samples' weights, of y's rank with 1 for all axes but the first, on the current
   * device: the caller's to dispose, or its `tidy`'s.
   */
  tensors(): { x: Tensor; y: Tensor; weight: Tensor | null } {
    const { size, targetShape } = this;
    return {
      x: tensor(this.inputs, this.shape),
      y: tensor(this.targets, [size, ...targetShape]),
      weight: this.weights && tensor(this.weights, [size, ...targetShape.map(() => 1)]),
    };
  }
}
