import { setImmediate } from 'node:timers/promises';
import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { tensor } from '../tensor/create.ts';
import { Generator } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { assembleInputs, type Inputs } from './collate.ts';
import type { GrayImage } from './image.ts';
import type { ImageStore } from './memory-cache.ts';
import { IMAGENET, type Normalization, type Transform } from './transforms.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a DataLoader reads: images of one size, and a label for each. */
export interface ImageDataset {
  readonly length: number;
  image(index: number): Promise<GrayImage>;
  label(index: number): number;
  /** Where images are files, what worker threads read them by; without it `image` is called on the calling thread. */
  readonly files?: { readonly store: ImageStore; path(index: number): string };
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
  /** Random changes, drawn anew for each image and epoch. A function of your own runs on the calling thread. */
  augment?: Transform;
  /** Default IMAGENET, with three channels. */
  normalization?: Normalization;
  /** What each image of the data set counts in the loss, as `classWeights` gives; default 1. */
  weights?: Float32Array;
  /**
   * Threads that read, decode, augment and normalise two batches each ahead of the caller; default 0, all on the calling
   * thread. The batches are the same, bit for bit. Loaders of the same number share their threads.
   */
  workers?: number;
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
 * Batches of a data set, read ahead while the last one is used. Order and augmentation are functions of (seed, epoch,
 * image), so that any epoch can be had again.
 *
 * With workers, `close` ends their threads; a program that forgets it ends all the same.
 */
export class DataLoader {
  readonly dataset: ImageDataset;
  readonly batchSize: number;
  readonly #options: Pick<DataLoaderOptions, 'augment' | 'weights'> &
    Required<Omit<DataLoaderOptions, 'augment' | 'weights'>>;
  readonly #workers: number;
  #pool: WorkerPool | null = null;

  constructor(dataset: ImageDataset, options: DataLoaderOptions = {}) {
    this.dataset = dataset;
    const resolved = resolveOptions('DataLoader', options, {
      batchSize: 32,
      shuffle: false,
      seed: 0,
      dropLast: false,
      augment: undefined,
      normalization: IMAGENET,
      weights: undefined,
      workers: 0,
    });
    this.batchSize = resolved.batchSize;
    this.#options = resolved;
    this.#workers = resolved.workers;
    if (options.weights && options.weights.length !== dataset.length) {
      throw new ShapeError(`DataLoader: ${options.weights.length} weights for ${dataset.length} images`);
    }
    if (!Number.isInteger(this.batchSize) || this.batchSize < 1) {
      throw new ShapeError(`DataLoader: batchSize must be a whole number from 1 on, got ${this.batchSize}`);
    }
    if (!Number.isInteger(this.#workers) || this.#workers < 0) {
      throw new ShapeError(`DataLoader: workers must be a whole number from 0 on, got ${this.#workers}`);
    }
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The order of the images in an epoch. */
  order(epoch: number): number[] {
    const { shuffle, seed } = this.#options;
    if (!shuffle) return Array.from({ length: this.dataset.length }, (_, i) => i);
    return new Generator(~seed, epoch).permutation(this.dataset.length);
  }

  /** The batches of an epoch (counted from 0), from batch `start` (default 0) on. */
  async *epoch(epoch: number, start = 0): AsyncGenerator<Batch, void, undefined> {
    const order = this.order(epoch);
    if (this.#workers > 0) this.#pool ??= WorkerPool.acquire(this.#workers);
    const pool = this.#pool;
    const ahead = Math.max(1, 2 * this.#workers);
    const queue: Promise<Batch>[] = [];
    let next = start;
    const fill = () => {
      for (; next < this.length && queue.length < ahead; next++) {
        const indices = order.slice(next * this.batchSize, (next + 1) * this.batchSize);
        const batch = this.#read(indices, epoch, pool);
        batch.catch(() => {}); // it is raised when its turn comes
        queue.push(batch);
      }
    };
    fill();
    for (let read = queue.shift(); read; read = queue.shift()) {
      const batch = await read;
      fill();
      await setImmediate(); // files, signals and timers get a turn, however busy the caller keeps the thread
      yield batch;
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    return this.epoch(0);
  }

  /**
   * Ends the worker threads, once no other loader uses them. An epoch that is under way then fails; one that is begun
   * later starts them anew.
   */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await pool?.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(indices: readonly number[], epoch: number, pool: WorkerPool | null): Promise<Batch> {
    const { weights } = this.#options;
    const streams = indices.map((index) => epoch * this.dataset.length + index);
    const { shape, data } = await this.#readInputs(indices, streams, pool);
    const targets = Float32Array.from(indices, (index) => this.dataset.label(index));
    const counts = weights ? Float32Array.from(indices, (index) => weights[index]) : null;
    return new Batch(indices, shape, data, targets, counts);
  }

  async #readInputs(
    indices: readonly number[],
    streams: readonly number[],
    pool: WorkerPool | null,
  ): Promise<Inputs> {
    const { augment = null, seed, normalization } = this.#options;
    const { files } = this.dataset;
    if (!pool || (augment && !augment.description)) {
      const read = (index: number) =>
        files ? files.store.get(files.path(index), pool) : this.dataset.image(index);
      return assembleInputs(await Promise.all(indices.map(read)), streams, seed, augment, normalization);
    }
    const reading = files?.store.reading ?? null;
    const find = (index: number) =>
      files && reading
        ? (files.store.kept(files.path(index)) ?? files.path(index))
        : this.dataset.image(index);
    const { inputs, read } = await pool.batch({
      images: await Promise.all(indices.map(find)),
      reading,
      keep: files?.store.hasRoom ?? false,
      streams,
      seed,
      augment: augment?.description ?? null,
      normalization,
    });
    for (const [place, image] of read) files?.store.keep(files.path(indices[place]), image);
    return inputs;
  }
}
