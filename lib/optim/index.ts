export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.ts';
export {
  type GroupOptions,
  type GroupState,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamGroupOptions,
  type ParamState,
  type Params,
} from './optimizer.ts';
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from './plateau.ts';
export { LRScheduler, type SchedulerState } from './scheduler.ts';
export {
  CosineAnnealingLR,
  type CosineAnnealingOptions,
  ExponentialLR,
  type ExponentialOptions,
  LambdaLR,
  type LambdaOptions,
  LinearLR,
  type LinearOptions,
  MultiStepLR,
  type MultiStepOptions,
  SequentialLR,
  type SequentialOptions,
  type SequentialState,
  StepLR,
  type StepOptions,
} from './schedulers.ts';
export { SGD, type SgdOptions } from './sgd.ts';
