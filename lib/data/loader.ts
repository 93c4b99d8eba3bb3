import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { Shape } from '../tensor/shape.ts';
import { Batch } from './batch.ts';
import { collate, collateTargets, type Inputs } from './collate.ts';
import type { Dataset, Sample, Target } from './dataset.ts';
import { yieldToEventLoop } from './event-loop.ts';
import { readImageBatch } from './image-batches.ts';
import type { ImageDataset } from './image-dataset.ts';
import { RandomSampler, type Sampler, SequentialSampler } from './samplers.ts';
import { IMAGENET, type Normalization, type Transform } from './transforms.ts';
import { WorkerPool } from './worker-pool.ts';

/** The options of `DataLoader`. */
export interface DataLoaderOptions {
  /** Samples of a batch. Default 32. */
  batchSize?: number;
  /** A new order every epoch; default false. */
  shuffle?: boolean;
  /** Which samples come and in which order, in place of `shuffle`. */
  sampler?: Sampler;
  /** Seeds order and augmentation; default 0. */
  seed?: number;
  /** Leave out a last batch that is not full; default false. */
  dropLast?: boolean;
  /** Of a data set of samples: how their inputs become those of a batch; default beside each other. */
  collate?: (samples: readonly Sample[]) => Inputs;
  /** Of images: random changes, drawn anew for each image and epoch. A function of your own runs on the calling thread. */
  augment?: Transform;
  /** Of images; default IMAGENET, with three channels. */
  normalization?: Normalization;
  /** What each sample of the data set counts in the loss, as `classWeights` gives; default 1. */
  weights?: Float32Array;
  /**
   * Of images: threads that read, decode, augment and normalise two batches each ahead of the caller; default 0, all on
   * the calling thread. The batches are the same, bit for bit. Loaders of the same number share their threads.
   */
  workers?: number;
}

const isImages = (dataset: Dataset | ImageDataset): dataset is ImageDataset => 'image' in dataset;

/**
 * Batches of a data set, read ahead while the last one is used. Order and augmentation are functions of (seed, epoch,
 * sample), so that any epoch can be had again.
 *
 * With workers, `close` ends their threads; a program that forgets it ends all the same.
 */
export class DataLoader {
  /** Where the samples come from. */
  readonly dataset: Dataset | ImageDataset;
  /** Samples of a batch; the last one may have fewer. */
  readonly batchSize: number;
  /** Which samples come in an epoch, and in which order. */
  readonly sampler: Sampler;
  readonly #options: Required<Omit<DataLoaderOptions, 'augment' | 'weights' | 'sampler'>> &
    Pick<DataLoaderOptions, 'augment' | 'weights'>;
  #pool: Promise<WorkerPool> | null = null;

  /**
   * @throws ShapeError for a batch size or number of workers out of range, or weights that are not one a sample
   * @throws ArgumentError for an option that there is not, or both `shuffle` and `sampler`
   */
  constructor(dataset: Dataset | ImageDataset, options: DataLoaderOptions = {}) {
    const { sampler, ...resolved } = resolveOptions('DataLoader', options, {
      batchSize: 32,
      shuffle: false,
      sampler: undefined,
      seed: 0,
      dropLast: false,
      collate,
      augment: undefined,
      normalization: IMAGENET,
      weights: undefined,
      workers: 0,
    });
    const { batchSize, shuffle, seed, weights, workers } = resolved;
    const { length } = dataset;
    if (weights && weights.length !== length) {
      throw new ShapeError(`DataLoader: ${weights.length} weights for ${length} samples`);
    }
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ShapeError(`DataLoader: batchSize must be a whole number from 1 on, got ${batchSize}`);
    }
    if (!Number.isInteger(workers) || workers < 0) {
      throw new ShapeError(`DataLoader: workers must be a whole number from 0 on, got ${workers}`);
    }
    if (sampler && shuffle) throw new ShapeError('DataLoader: a sampler sets the order, leave shuffle out');
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.sampler = sampler ?? (shuffle ? new RandomSampler(length, { seed }) : new SequentialSampler(length));
    this.#options = resolved;
  }

  /** Of one target of the data set. */
  get targetShape(): Shape {
    return this.dataset.targetShape ?? [1];
  }

  /** Samples an epoch, those of a last batch that `dropLast` leaves out too. */
  get samples(): number {
    return this.sampler.length;
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.samples / this.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The order of the samples in an epoch. */
  order(epoch: number): number[] {
    return this.sampler.order(epoch);
  }

  /** The target of a sample where it can be told without reading the sample, else null. */
  target(index: number): Target | null {
    return isImages(this.dataset) ? this.dataset.target(index) : null;
  }

  /** The batches of an epoch (counted from 0), from batch `start` (default 0) on. */
  async *epoch(epoch: number, start = 0): AsyncGenerator<Batch, void, undefined> {
    const { workers } = this.#options;
    const order = this.order(epoch);
    if (workers > 0) this.#pool ??= WorkerPool.acquire(workers);
    const pool = await this.#pool;
    const ahead = Math.max(1, 2 * workers);
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
      await yieldToEventLoop();
      yield batch;
    }
  }

  /** The batches of the first epoch, for `for await`. */
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
    await (await pool)?.release();
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(indices: readonly number[], epoch: number, pool: WorkerPool | null): Promise<Batch> {
    const { weights } = this.#options;
    const { inputs, targets } = await this.#readSamples(indices, epoch, pool);
    const counts = weights ? Float32Array.from(indices, (index) => weights[index]) : null;
    const values = collateTargets(targets, this.targetShape);
    return new Batch(indices, inputs.shape, inputs.data, values, counts, this.targetShape);
  }

  async #readSamples(
    indices: readonly number[],
    epoch: number,
    pool: WorkerPool | null,
  ): Promise<{ inputs: Inputs; targets: Target[] }> {
    const { dataset } = this;
    const { augment = null, seed, normalization, collate } = this.#options;
    if (isImages(dataset)) {
      const streams = indices.map((index) => epoch * dataset.length + index);
      const options = { augment, seed, normalization };
      const inputs = await readImageBatch(dataset, indices, streams, options, pool);
      return { inputs, targets: indices.map((index) => dataset.target(index)) };
    }
    const samples = await Promise.all(indices.map((index) => dataset.get(index)));
    return { inputs: collate(samples), targets: samples.map(({ target }) => target) };
  }
}
