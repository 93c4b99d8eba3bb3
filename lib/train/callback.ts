import type { Evaluation } from './evaluate.ts';
import type { FitState } from './state.ts';

/** What was trained on last. */
export interface BatchEnd {
  /** From 1. */
  readonly epoch: number;
  /** From 1, within the epoch. */
  readonly batch: number;
  /** Of an epoch. */
  readonly batches: number;
  /** The mean loss of the batch. */
  readonly loss: number;
}

/** What is told of a training while it runs, each where fastai's and Keras's callbacks have it. All are awaited. */
export interface Callback {
  /** Before each epoch (from 1), to freeze layers, say; again where a run goes on within an epoch. */
  onEpochBegin?(epoch: number): void | Promise<void>;
  /** After each batch and, where it was due, the step of the optimiser. */
  onBatchEnd?(end: BatchEnd): void | Promise<void>;
  /** After each validation. */
  onValidationEnd?(evaluation: Evaluation, epoch: number): void | Promise<void>;
  /** After each epoch, before its checkpoint is saved: to write a log, say. */
  onEpochEnd?(state: FitState): void | Promise<void>;
  /** After each checkpoint. */
  onSave?(state: FitState): void | Promise<void>;
}
