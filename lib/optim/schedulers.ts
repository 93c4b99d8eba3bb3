/** The schedules of torch.optim.lr_scheduler that depend on nothing but the step. */
import { required, resolveOptions } from '../arguments.ts';
import { ShapeError, StateDictError } from '../errors.ts';
import { anything, list, object, type Reader } from '../readers.ts';
import type { GroupOptions, Optimizer, ParamGroup } from './optimizer.ts';
import { LRScheduler, perGroup, type SchedulerState } from './scheduler.ts';

type Group = ParamGroup<GroupOptions>;

export interface StepOptions {
  stepSize: number;
  /** Default 0.1. */
  gamma?: number;
}

/** Times gamma every `stepSize` steps. */
export class StepLR extends LRScheduler<Required<StepOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: StepOptions) {
    super(optimizer, resolveOptions('StepLR', options, { stepSize: required, gamma: 0.1 }));
  }

  protected nextLr({ lr }: Group): number {
    const { stepSize, gamma } = this.options;
    return this.lastEpoch > 0 && this.lastEpoch % stepSize === 0 ? lr * gamma : lr;
  }
}

export interface MultiStepOptions {
  milestones: readonly number[];
  /** Default 0.1. */
  gamma?: number;
}

/** Times gamma at each milestone. */
export class MultiStepLR extends LRScheduler<Required<MultiStepOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: MultiStepOptions) {
    super(optimizer, resolveOptions('MultiStepLR', options, { milestones: required, gamma: 0.1 }));
  }

  protected nextLr({ lr }: Group): number {
    const { milestones, gamma } = this.options;
    return lr * gamma ** milestones.filter((milestone) => milestone === this.lastEpoch).length;
  }
}

export interface ExponentialOptions {
  gamma: number;
}

/** Times gamma at every step. */
export class ExponentialLR extends LRScheduler<ExponentialOptions> {
  constructor(optimizer: Optimizer<GroupOptions>, options: ExponentialOptions) {
    super(optimizer, resolveOptions('ExponentialLR', options, { gamma: required }));
  }

  protected nextLr({ lr }: Group): number {
    return this.lastEpoch === 0 ? lr : lr * this.options.gamma;
  }
}

export interface LambdaOptions {
  lrLambda: ((step: number) => number) | readonly ((step: number) => number)[];
}

/** The first learning rate times a function of the step; one for all groups or one for each. */
export class LambdaLR extends LRScheduler<LambdaOptions> {
  constructor(optimizer: Optimizer<GroupOptions>, options: LambdaOptions) {
    super(optimizer, resolveOptions('LambdaLR', options, { lrLambda: required }));
  }

  protected nextLr(_group: Group, index: number): number {
    const { lrLambda } = this.options;
    return this.baseLrs[index] * perGroup('lrLambda', lrLambda, index, this.optimizer)(this.lastEpoch);
  }
}

export interface LinearOptions {
  /** In (0, 1]. Default 1/3. */
  startFactor?: number;
  /** Default 1. */
  endFactor?: number;
  /** Default 5. */
  totalIters?: number;
}

/** A warm-up: from startFactor to endFactor times the learning rate, on a straight line over totalIters steps. */
export class LinearLR extends LRScheduler<Required<LinearOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: LinearOptions = {}) {
    super(
      optimizer,
      resolveOptions('LinearLR', options, { startFactor: 1 / 3, endFactor: 1, totalIters: 5 }),
    );
  }

  protected nextLr({ lr }: Group): number {
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

export interface CosineAnnealingOptions {
  tMax: number;
  /** Default 0. */
  etaMin?: number;
}

/** Half a cosine from the learning rate to etaMin over tMax steps (Loshchilov & Hutter 2017), and back. */
export class CosineAnnealingLR extends LRScheduler<Required<CosineAnnealingOptions>> {
  constructor(optimizer: Optimizer<GroupOptions>, options: CosineAnnealingOptions) {
    super(optimizer, resolveOptions('CosineAnnealingLR', options, { tMax: required, etaMin: 0 }));
  }

  protected nextLr({ lr }: Group, index: number): number {
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

export interface SequentialOptions {
  schedulers: readonly LRScheduler<unknown>[];
  /** The first step of each schedule but the first. */
  milestones: readonly number[];
}

/** One schedule after another: schedule i + 1 starts at step milestones[i]. */
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

  protected nextLr({ lr }: Group): number {
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

type SequentialState = SchedulerState & { readonly schedulers: readonly SchedulerState[] };

/** The schedulers check their own states. */
const readStates = object<Pick<SequentialState, 'schedulers'>>({
  schedulers: list(anything as Reader<SchedulerState>),
});
