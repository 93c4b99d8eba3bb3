import type { Batch } from '../data/batch.ts';
import type { DataLoader } from '../data/loader.ts';
import { StateDictError } from '../errors.ts';
import type { Objective } from './objective.ts';
import type { EpochMetrics, UnfinishedEpoch } from './state.ts';

/** Adds up losses, outputs and times of the batches of one epoch. */
export class EpochMeter {
  batches = 0;
  lossSum = 0;
  seconds = 0;
  dataSeconds = 0;
  /** How many were done. */
  samples = 0;
  readonly #objective: Objective;
  #outputs: number[] = [];
  #targets: number[] = [];

  /**
   * @param from where an earlier run left the epoch (counted from 0) off
   * @throws StateDictError where the samples that were done then are not the first of this loader
   */
  constructor(objective: Objective, loader: DataLoader, epoch: number, from: UnfinishedEpoch | null) {
    this.#objective = objective;
    if (!from) return;
    const { batches, lossSum, outputs, targets, samples, seconds, dataSeconds } = from;
    const order = loader.order(epoch).slice(0, batches * loader.batchSize);
    const known = order.flatMap((index) => {
      const target = loader.target(index);
      return target === null ? [] : [target].flat();
    }) as number[];
    const isOther = known.length === targets.length && known.some((value, i) => value !== targets[i]);
    if (order.length !== samples || isOther) {
      throw new StateDictError(
        `fit: the state has done ${batches} batches with ${samples} samples of epoch ${epoch + 1} that are not the first of this loader: is it another data set, batch size or seed?`,
      );
    }
    Object.assign(this, { batches, lossSum, seconds, dataSeconds, samples });
    this.#outputs = [...outputs];
    this.#targets = [...targets];
  }

  /** @param loss the mean over the batch; `outputs` those of its samples */
  add(batch: Batch, loss: number, outputs: Float32Array): void {
    this.batches++;
    this.samples += batch.size;
    this.lossSum += loss * batch.size;
    if (!this.#objective.metrics) return;
    for (const value of outputs) this.#outputs.push(value);
    for (const value of batch.targets) this.#targets.push(value);
  }

  /** The mean over all samples. */
  get loss(): number {
    return this.lossSum / this.samples;
  }

  get imagesPerSecond(): number {
    return this.samples / this.seconds;
  }

  /** The share of the time that was spent waiting. */
  get dataWait(): number {
    return this.dataSeconds / this.seconds;
  }

  metrics(): EpochMetrics {
    const { metrics, scores } = this.#objective;
    const width = this.#outputs.length / this.samples;
    const figures = metrics?.(scores(this.#outputs, width), this.#targets, this.samples) ?? {};
    return { loss: this.loss, ...figures };
  }

  /** Null before the first batch. */
  unfinished(): UnfinishedEpoch | null {
    if (this.batches === 0) return null;
    const { batches, lossSum, samples, seconds, dataSeconds } = this;
    const [outputs, targets] = [Float32Array.from(this.#outputs), Float32Array.from(this.#targets)];
    return { batches, lossSum, samples, outputs, targets, seconds, dataSeconds };
  }
}
