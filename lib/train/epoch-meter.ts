import type { Batch, DataLoader } from '../data/loader.ts';
import { StateDictError } from '../errors.ts';
import { computeMetrics } from './metrics.ts';
import type { EpochMetrics, UnfinishedEpoch } from './state.ts';

/** Adds up losses, answers and times of the batches of one epoch. */
export class EpochMeter {
  batches = 0;
  lossSum = 0;
  seconds = 0;
  dataSeconds = 0;
  #logits: number[] = [];
  #labels: number[] = [];

  /**
   * @param from where an earlier run left the epoch (counted from 0) off
   * @throws StateDictError where the images that were done then are not the first of this loader
   */
  constructor(loader: DataLoader, epoch: number, from: UnfinishedEpoch | null) {
    if (!from) return;
    const { batches, lossSum, logits, labels, seconds, dataSeconds } = from;
    const order = loader.order(epoch).slice(0, batches * loader.batchSize);
    if (
      order.length !== labels.length ||
      order.some((index, i) => loader.dataset.label(index) !== labels[i])
    ) {
      throw new StateDictError(
        `fit: the state has done ${batches} batches with ${labels.length} images of epoch ${epoch + 1} that are not the first of this loader: is it another data set, batch size or seed?`,
      );
    }
    Object.assign(this, { batches, lossSum, seconds, dataSeconds });
    this.#logits = [...logits];
    this.#labels = [...labels];
  }

  /** @param loss the mean over the batch; `logits` and `labels` one each an image */
  add(batch: Batch, loss: number, logits: Float32Array): void {
    this.batches++;
    this.lossSum += loss * batch.size;
    this.#logits.push(...logits);
    this.#labels.push(...batch.targets);
  }

  /** How many were done. */
  get images(): number {
    return this.#labels.length;
  }

  /** The mean over all images. */
  get loss(): number {
    return this.lossSum / this.images;
  }

  get imagesPerSecond(): number {
    return this.images / this.seconds;
  }

  /** The share of the time that was spent waiting. */
  get dataWait(): number {
    return this.dataSeconds / this.seconds;
  }

  metrics(): EpochMetrics {
    const scores = this.#logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    const { accuracy, auroc, kappa } = computeMetrics(this.#labels, scores);
    return { loss: this.loss, accuracy, auroc, kappa };
  }

  /** Null before the first batch. */
  unfinished(): UnfinishedEpoch | null {
    if (this.batches === 0) return null;
    const { batches, lossSum, seconds, dataSeconds } = this;
    const [logits, labels] = [Float32Array.from(this.#logits), Float32Array.from(this.#labels)];
    return { batches, lossSum, logits, labels, seconds, dataSeconds };
  }
}
