import { setImmediate } from 'node:timers/promises';
import { ShapeError } from '../errors.ts';
import { tensor } from '../tensor/create.ts';
import { Generator } from '../tensor/random.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { GrayImage } from './image.ts';
import { IMAGENET, type Normalization, normalize, type Transform } from './transforms.ts';

/** What a DataLoader reads: images of one size, and a label for each. */
export interface ImageDataset {
  readonly length: number;
  image(index: number): Promise<GrayImage>;
  label(index: number): number;
}

export interface DataLoaderOptions {
  /** Default 32. */
  batchSize?: number;
  /** A new order every epoch; default false. */
  shuffle?: boolean;
  /** Seeds order and augmentation; default 0. */
  seed?: number;
  /** Leave out a last batch that is not full; default false. */
  dropLast?: boolean;
  /** Random changes, drawn anew for each image and epoch. */
  augment?: Transform;
  /** Default IMAGENET, with three channels. */
  normalization?: Normalization;
  /** What each image of the data set counts in the loss, as `classWeights` gives; default 1. */
  weights?: Float32Array;
}

/** Images and labels of one step, still on the host. */
export class Batch {
  constructor(
    /** Where in the data set the images stand. */
    readonly indices: readonly number[],
    /** `[N, C, H, W]` */
    readonly shape: readonly number[],
    readonly inputs: Float32Array,
    readonly targets: Float32Array,
    readonly weights: Float32Array | null,
  ) {}

  get size(): number {
    return this.indices.length;
  }

  /** x `[N, C, H, W]`, y `[N, 1]` and its weight on the current device: the caller's to dispose, or its `tidy`'s. */
  tensors(): { x: Tensor; y: Tensor; weight: Tensor | null } {
    const column = [this.size, 1];
    return {
      x: tensor(this.inputs, this.shape),
      y: tensor(this.targets, column),
      weight: this.weights && tensor(this.weights, column),
    };
  }
}

/**
 * Batches of a data set. The next batch is read while the last one is used; order and augmentation are functions of
 * (seed, epoch, image), so that any epoch can be had again.
 */
export class DataLoader {
  readonly dataset: ImageDataset;
  readonly batchSize: number;
  readonly #options: DataLoaderOptions;

  constructor(dataset: ImageDataset, options: DataLoaderOptions = {}) {
    this.dataset = dataset;
    this.batchSize = options.batchSize ?? 32;
    this.#options = options;
    if (options.weights && options.weights.length !== dataset.length) {
      throw new ShapeError(`DataLoader: ${options.weights.length} weights for ${dataset.length} images`);
    }
    if (!Number.isInteger(this.batchSize) || this.batchSize < 1) {
      throw new ShapeError(`DataLoader: batchSize must be a whole number from 1 on, got ${this.batchSize}`);
    }
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The order of the images in an epoch. */
  order(epoch: number): number[] {
    const { shuffle = false, seed = 0 } = this.#options;
    if (!shuffle) return Array.from({ length: this.dataset.length }, (_, i) => i);
    return new Generator(~seed, epoch).permutation(this.dataset.length);
  }

  /** The batches of an epoch (counted from 0), from batch `start` (default 0) on. */
  async *epoch(epoch: number, start = 0): AsyncGenerator<Batch, void, undefined> {
    const order = this.order(epoch);
    const read = (batch: number) =>
      this.#read(order.slice(batch * this.batchSize, (batch + 1) * this.batchSize), epoch);
    let next = start < this.length ? read(start) : null;
    for (let batch = start; next; batch++) {
      const current: Batch = await next;
      next = batch + 1 < this.length ? read(batch + 1) : null;
      next?.catch(() => {}); // it is raised when its turn comes
      await setImmediate(); // files, signals and timers get a turn, however busy the caller keeps the thread
      yield current;
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    return this.epoch(0);
  }

  async #read(indices: readonly number[], epoch: number): Promise<Batch> {
    const { augment, seed = 0, normalization = IMAGENET, weights } = this.#options;
    const images = await Promise.all(
      indices.map(async (index) => {
        const image = await this.dataset.image(index);
        return augment ? augment(image, new Generator(seed, epoch * this.dataset.length + index)) : image;
      }),
    );
    const [{ width, height }] = images;
    const odd = images.find((image) => image.width !== width || image.height !== height);
    if (odd) {
      throw new ShapeError(
        `DataLoader: a batch wants images of one size, got ${height}x${width} and ${odd.height}x${odd.width}`,
      );
    }
    const shape = [images.length, normalization.mean.length, height, width];
    const inputs = new Float32Array(sizeOf(shape));
    images.forEach((image, i) => {
      normalize(image, normalization, inputs, i * (inputs.length / images.length));
    });
    const targets = Float32Array.from(indices, (index) => this.dataset.label(index));
    const counts = weights ? Float32Array.from(indices, (index) => weights[index]) : null;
    return new Batch(indices, shape, inputs, targets, counts);
  }
}
