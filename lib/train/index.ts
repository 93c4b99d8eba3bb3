/**
 * Training, evaluation, metrics and checkpoints as bytes, for Node and browsers.
 * @module gradiograph/train
 */
import '../tensor/methods.ts';

export { TrainingError } from '../errors.ts';
export type { CheckpointSink } from './autosave.ts';
export type { BatchEnd, Callback } from './callback.ts';
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint, type Training } from './checkpoint.ts';
export { classWeights } from './class-weights.ts';
export {
  averageEvaluations,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  predict,
} from './evaluate.ts';
export {
  type FineTuning,
  layerGroups,
  type StagedModel,
  type StageGroup,
  unfreeze,
  unfreezing,
} from './fine-tuning.ts';
export {
  type BestEpoch,
  type CheckpointOptions,
  type EpochMetrics,
  type EpochRecord,
  type FitOptions,
  type FitResult,
  type FitState,
  fit,
  type Schedule,
  type StopSignal,
  type UnfinishedEpoch,
} from './fit.ts';
export { type GrayStemOptions, grayStem } from './gray-stem.ts';
export {
  findLearningRate,
  type LearningRateCurve,
  type LearningRateOptions,
  type LearningRatePoint,
} from './lr-finder.ts';
export * as metrics from './metrics.ts';
export type { LossFunction, MetricFunction, ObjectiveOptions } from './objective.ts';
export { ProgressBar, type ProgressStream } from './progress.ts';
export type { Snapshot } from './snapshot.ts';
