export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.ts';
export {
  type GroupOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type Params,
} from './optimizer.ts';
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from './plateau.ts';
export { LRScheduler, type SchedulerState } from './scheduler.ts';
export {
  CosineAnnealingLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  SequentialLR,
  StepLR,
} from './schedulers.ts';
export { SGD, type SgdOptions } from './sgd.ts';
