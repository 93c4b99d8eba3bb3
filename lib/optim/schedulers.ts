/** The schedules of torch.optim.lr_scheduler that depend on nothing but the step. */
import { required, resolveOptions } from '../arguments.ts';
import { ShapeError, StateDictError } from '../errors.ts';
import { anything, list, object, type Reader } from '../readers.ts';
import type { GroupOptions, Optimizer, ParamGroup } from './optimizer.ts';
import { LRScheduler, perGroup, type SchedulerState } from './scheduler.ts';

/** The options of `StepLR`. */
export interface StepOptions {
  /** Steps between two changes of the learning rate. */
  stepSize: number;
  /** What the learning rate is multiplied by. Default 0.1. */
  gamma?: number;
}

/** Multiplies the learning rate by gamma every `stepSize` steps, as torch's StepLR. */
export class StepLR extends LRScheduler<Required<StepOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: StepOptions) {
    super(optimizer, resolveOptions('StepLR', options, { stepSize: required, gamma: 0.1 }));
  }

  protected nextLr({ lr }: ParamGroup): number {
    const { stepSize, gamma } = this.options;
    return this.lastEpoch > 0 && this.lastEpoch % stepSize === 0 ? lr * gamma : lr;
  }
}

/** The options of `MultiStepLR`. */
export interface MultiStepOptions {
  /** The steps at which the learning rate changes; one that stands twice counts twice. */
  milestones: readonly number[];
  /** What the learning rate is multiplied by. Default 0.1. */
  gamma?: number;
}

/** Multiplies the learning rate by gamma at each milestone, as torch's MultiStepLR. */
export class MultiStepLR extends LRScheduler<Required<MultiStepOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: MultiStepOptions) {
    super(optimizer, resolveOptions('MultiStepLR', options, { milestones: required, gamma: 0.1 }));
  }

  protected nextLr({ lr }: ParamGroup): number {
    const { milestones, gamma } = this.options;
    return lr * gamma ** milestones.filter((milestone) => milestone === this.lastEpoch).length;
  }
}

/** The options of `ExponentialLR`. */
export interface ExponentialOptions {
  /** What the learning rate is multiplied by. */
  gamma: number;
}

/** Multiplies the learning rate by gamma at every step, as torch's ExponentialLR. */
export class ExponentialLR extends LRScheduler<ExponentialOptions> {
  constructor(optimizer: Optimizer<GroupOptions>, options: ExponentialOptions) {
    super(optimizer, resolveOptions('ExponentialLR', options, { gamma: required }));
  }

  protected nextLr({ lr }: ParamGroup): number {
    return this.lastEpoch === 0 ? lr : lr * this.options.gamma;
  }
}

/** The options of `LambdaLR`. */
export interface LambdaOptions {
  /** The factor at a step, counted from 0; one function for all groups or one for each. */
  lrLambda: ((step: number) => number) | readonly ((step: number) => number)[];
}

/**
 * The first learning rate times a function of the step, as torch's LambdaLR.
 * @throws ShapeError for another number of functions than of groups
 */
export class LambdaLR extends LRScheduler<LambdaOptions> {
  constructor(optimizer: Optimizer<GroupOptions>, options: LambdaOptions) {
    super(optimizer, resolveOptions('LambdaLR', options, { lrLambda: required }));
  }

  protected nextLr(_group: ParamGroup, index: number): number {
    const { lrLambda } = this.options;
    return this.baseLrs[index] * perGroup('lrLambda', lrLambda, index, this.optimizer)(this.lastEpoch);
  }
}

/** The options of `LinearLR`. */
export interface LinearOptions {
  /** The factor at the first step, in (0, 1]. Default 1/3. */
  startFactor?: number;
  /** The factor from step `totalIters` on. Default 1. */
  endFactor?: number;
  /** Steps from one factor to the other. Default 5. */
  totalIters?: number;
}

/**
 * A warm-up: from startFactor to endFactor times the learning rate, on a straight line over totalIters steps, as torch's
 * LinearLR.
 * @throws ShapeError for a startFactor outside (0, 1]
 */
export class LinearLR extends LRScheduler<Required<LinearOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: LinearOptions = {}) {
    super(
      optimizer,
      resolveOptions('LinearLR', options, { startFactor: 1 / 3, endFactor: 1, totalIters: 5 }),
    );
  }

  protected nextLr({ lr }: ParamGroup): number {
    const { startFactor, endFactor, totalIters } = this.options;
    if (!(startFactor > 0 && startFactor <= 1)) {
      throw new ShapeError(`LinearLR: startFactor must be in (0, 1], got ${startFactor}`);
    }
    if (this.lastEpoch === 0) return lr * startFactor;
    if (this.lastEpoch > totalIters) return lr;
    const rise = endFactor - startFactor;
    return lr * (1 + rise / (totalIters * startFactor + (this.lastEpoch - 1) * rise));
  }
}

/** The options of `CosineAnnealingLR`. */
export interface CosineAnnealingOptions {
  /** Steps from the first learning rate to etaMin. */
  tMax: number;
  /** The lowest learning rate. Default 0. */
  etaMin?: number;
}

/**
 * From the learning rate to etaMin along half a cosine over tMax steps, and back (Loshchilov & Hutter 2017, equation 5,
 * without restarts), as torch's CosineAnnealingLR.
 */
export class CosineAnnealingLR extends LRScheduler<Required<CosineAnnealingOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: CosineAnnealingOptions) {
    super(optimizer, resolveOptions('CosineAnnealingLR', options, { tMax: required, etaMin: 0 }));
  }

  protected nextLr({ lr }: ParamGroup, index: number): number {
    const { tMax, etaMin } = this.options;
    const step = this.lastEpoch;
    if (step === 0) return lr;
    const height = (at: number) => 1 + Math.cos((Math.PI * at) / tMax);
    if ((step - 1 - tMax) % (2 * tMax) === 0) {
      return lr + ((this.baseLrs[index] - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2;
    }
    return (height(step) / height(step - 1)) * (lr - etaMin) + etaMin;
  }
}

/** The options of `SequentialLR`. */
export interface SequentialOptions {
  /** The schedules, all on the same optimiser. */
  schedulers: readonly LRScheduler<unknown>[];
  /** The first step of each schedule but the first. */
  milestones: readonly number[];
}

/** One schedule after another, as torch's SequentialLR: schedule i + 1 starts at step milestones[i]. */
export class SequentialLR extends LRScheduler<SequentialOptions> {
  /** @throws ShapeError where there is not one milestone less than schedulers */
  constructor(optimizer: Optimizer<GroupOptions>, options: SequentialOptions) {
    const resolved = resolveOptions('SequentialLR', options, { schedulers: required, milestones: required });
    const { schedulers, milestones } = resolved;
    if (milestones.length !== schedulers.length - 1) {
      throw new ShapeError(
        `SequentialLR: ${schedulers.length} schedulers want ${schedulers.length - 1} milestones, got ${milestones.length}`,
      );
    }
    super(optimizer, resolved);
  }

  override step(): void {
    this.lastEpoch++;
    const { schedulers, milestones } = this.options;
    const passed = milestones.filter((milestone) => milestone <= this.lastEpoch).length;
    const starts = this.lastEpoch === 0 || milestones[passed - 1] === this.lastEpoch;
    if (starts) schedulers[passed].restart();
    else schedulers[passed].step();
  }

  protected nextLr({ lr }: ParamGroup): number {
    return lr;
  }

  override stateDict(): SequentialState {
    return { ...super.stateDict(), schedulers: this.options.schedulers.map((one) => one.stateDict()) };
  }

  override checkStateDict(state: SequentialState): void {
    super.checkStateDict(state);
    const { schedulers } = this.options;
    const states = readStates(state, 'scheduler').schedulers;
    if (states.length !== schedulers.length) {
      throw new StateDictError(
        `SequentialLR: the state has ${states.length} schedulers, this has ${schedulers.length}`,
      );
    }
    schedulers.forEach((scheduler, i) => {
      scheduler.checkStateDict(states[i]);
    });
  }

  override loadStateDict(state: SequentialState): void {
    this.checkStateDict(state);
    this.options.schedulers.forEach((scheduler, i) => {
      scheduler.loadStateDict(state.schedulers[i]);
    });
    super.loadStateDict(state);
  }
}

/** Where a sequence of schedules stands; plain JSON. */
export interface SequentialState extends SchedulerState {
  /** Where each of them stands. */
  readonly schedulers: readonly SchedulerState[];
}

/** The schedulers check their own states. */
const readStates = object<Pick<SequentialState, 'schedulers'>>({
  schedulers: list(anything as Reader<SchedulerState>),
});
