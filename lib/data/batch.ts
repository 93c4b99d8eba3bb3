import { tensor } from '../tensor/create.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A batch as tensors on the current device. */
export interface BatchTensors {
  /** `[N, ...]`, `[N, C, H, W]` for images. */
  readonly x: Tensor;
  /** `[N, ...targetShape]`. */
  readonly y: Tensor;
  /** What each sample counts in the loss, of y's rank with 1 for all axes but the first; null where all count 1. */
  readonly weight: Tensor | null;
}

/** Inputs and targets of one step, still on the host. */
export class Batch {
  constructor(
    /** The samples' indices in the data set. */
    readonly indices: readonly number[],
    /** Of the inputs: `[N, ...]`, `[N, C, H, W]` for images. */
    readonly shape: Shape,
    /** The values of the inputs, row by row. */
    readonly inputs: Float32Array,
    /** The values of the targets, `[N, ...targetShape]`, row by row. */
    readonly targets: Float32Array,
    /** What each sample counts in the loss; null for 1. */
    readonly weights: Float32Array | null,
    /** Of one target: `[1]` (default) for a logit each, `[]` for class indices. */
    readonly targetShape: Shape = [1],
  ) {}

  /** The number of samples. */
  get size(): number {
    return this.indices.length;
  }

  /** The batch on the current device; its tensors are the caller's to dispose of, or its `tidy`'s. */
  tensors(): BatchTensors {
    const { size, targetShape } = this;
    return {
      x: tensor(this.inputs, this.shape),
      y: tensor(this.targets, [size, ...targetShape]),
      weight: this.weights && tensor(this.weights, [size, ...targetShape.map(() => 1)]),
    };
  }
}
