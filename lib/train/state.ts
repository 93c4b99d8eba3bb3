import type { Snapshot } from './snapshot.ts';

/** The loss, and what the metrics gave: of one logit, accuracy and kappa at the threshold 0.5 and AUROC. */
export interface EpochMetrics {
  readonly loss: number;
  readonly [metric: string]: number;
}

/** One line of a training's history. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Over the batches as they were trained on: augmented, in training mode, the loss with its weights. */
  readonly train: EpochMetrics;
  readonly validation: EpochMetrics | null;
  /** The learning rate of the first parameter group, at the end. */
  readonly lr: number;
  /** Of training, validation left out. */
  readonly imagesPerSecond: number;
  /** The share of the training's time that was spent waiting for batches, from 0 to 1. */
  readonly dataWait: number;
}

/** What an epoch has come to after some of its batches. */
export interface UnfinishedEpoch {
  /** Batches done. */
  readonly batches: number;
  readonly samples: number;
  /** Of the losses of all samples done. */
  readonly lossSum: number;
  /** What the model said of each sample done, in the order of training, and their targets: where metrics want them. */
  readonly outputs: Float32Array;
  readonly targets: Float32Array;
  /** The time that training took, */
  readonly seconds: number;
  /** and how much of it was spent waiting for batches. */
  readonly dataSeconds: number;
}

/** Where a training stands; with the states of model, optimiser, schedule and random generator, all it needs to go on. */
export interface FitState {
  readonly history: readonly EpochRecord[];
  /** The epoch of least validation loss (from 1), and the weights that it had. */
  readonly best: { readonly epoch: number; readonly loss: number; readonly weights: Snapshot } | null;
  /** The epoch after those of the history, where some of its batches are done. */
  readonly unfinished: UnfinishedEpoch | null;
}

/** Any of `optim`'s schedules. */
export interface Schedule {
  step(metric: number): void;
  stateDict(): unknown;
  loadStateDict(state: never): void;
}
