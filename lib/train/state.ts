import type { Snapshot } from './snapshot.ts';

/** The loss, and what the metrics gave: of one logit, accuracy and kappa at the threshold 0.5 and AUROC. */
export interface EpochMetrics {
  /** The mean over the samples. */
  readonly loss: number;
  readonly [metric: string]: number;
}

/** One line of a training's history. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Over the batches as they were trained on: augmented, in training mode, the loss with its weights. */
  readonly train: EpochMetrics;
  /** Over the validation set, in evaluation mode; null where there is none. */
  readonly validation: EpochMetrics | null;
  /** The learning rate of the first parameter group, at the end. */
  readonly lr: number;
  /** Of training, validation left out. */
  readonly imagesPerSecond: number;
  /** The fraction of the training's time that was spent waiting for batches, from 0 to 1. */
  readonly dataWait: number;
}

/** What an epoch has come to after some of its batches. */
export interface UnfinishedEpoch {
  /** Batches done. */
  readonly batches: number;
  /** Samples done. */
  readonly samples: number;
  /** Of the losses of all samples done. */
  readonly lossSum: number;
  /** The model's outputs for the samples done, in the order of training; empty where no metric wants them. */
  readonly outputs: Float32Array;
  /** The targets of the samples done; empty where no metric wants them. */
  readonly targets: Float32Array;
  /** The time that training took. */
  readonly seconds: number;
  /** The part of that time that was spent waiting for batches. */
  readonly dataSeconds: number;
}

/** The epoch of least validation loss. */
export interface BestEpoch {
  /** From 1. */
  readonly epoch: number;
  /** Its validation loss. */
  readonly loss: number;
  /** The weights that the model had after it. */
  readonly weights: Snapshot;
}

/** Where a training stands; with the states of model, optimiser, schedule and random generator, all it needs to go on. */
export interface FitState {
  /** The epochs that were trained to their end, in their order. */
  readonly history: readonly EpochRecord[];
  /** The epoch of least validation loss; null before the first validation. */
  readonly best: BestEpoch | null;
  /** The epoch after those of the history, where some of its batches are done. */
  readonly unfinished: UnfinishedEpoch | null;
}

/** Any of `optim`'s schedules. */
export interface Schedule {
  /** Goes on to the next step; schedules that wait for an improvement look at the metric, which is the loss. */
  step(metric: number): void;
  /** Where the schedule stands; plain JSON. */
  stateDict(): unknown;
  /** Goes on from a state of `stateDict`. */
  loadStateDict(state: never): void;
}
