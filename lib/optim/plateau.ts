import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { count, finite, list, nullable, number, object } from '../readers.ts';
import type { GroupOptions, Optimizer } from './optimizer.ts';
import { checkLrs, checkOptimizer, perGroup, restoreLrs } from './scheduler.ts';

/** The options of `ReduceLROnPlateau`. */
export interface PlateauOptions {
  /** Whether lower (`'min'`, default) or higher is better. */
  mode?: 'min' | 'max';
  /** What the learning rate is multiplied by, below 1. Default 0.1. */
  factor?: number;
  /** Steps without an improvement that change nothing; at the next one the rate is reduced. Default 10. */
  patience?: number;
  /** By how much the metric must beat the best so far, relatively or absolutely. Default 1e-4. */
  threshold?: number;
  /** Whether the threshold is relative to the best (default) or absolute. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction in which nothing is counted. Default 0. */
  cooldown?: number;
  /** The lowest learning rate; one for all groups or one for each. Default 0. */
  minLr?: number | readonly number[];
  /** A change of the learning rate up to this is left out. Default 1e-8. */
  eps?: number;
}

/** Where the schedule stands; plain JSON. */
export interface PlateauState {
  /** The best metric so far; null before the first step. */
  readonly best: number | null;
  /** Steps without an improvement since the last one or the last reduction. */
  readonly numBadEpochs: number;
  /** Steps that are left of a cooldown. */
  readonly cooldownCounter: number;
  /** Steps taken. */
  readonly lastEpoch: number;
  /** The learning rate of each group. */
  readonly lastLrs: readonly number[];
}

/** Reduces the learning rate when a metric has stopped improving, as torch's ReduceLROnPlateau. */
export class ReduceLROnPlateau {
  /** The options, with the default of each that was not given. */
  readonly options: Required<PlateauOptions>;
  /** Steps taken. */
  lastEpoch = 0;
  #best: number | null = null;
  #numBadEpochs = 0;
  #cooldownCounter = 0;

  /** @throws ShapeError for a factor that is not below 1, or another number of minLr than of groups */
  constructor(
    /** The optimiser whose learning rates are set. */
    readonly optimizer: Optimizer<GroupOptions>,
    options: PlateauOptions = {},
  ) {
    this.options = resolveOptions('ReduceLROnPlateau', options, {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
    });
    checkOptimizer(optimizer);
    const { factor, minLr } = this.options;
    if (!(factor < 1)) throw new ShapeError(`ReduceLROnPlateau: factor must be below 1, got ${factor}`);
    perGroup('minLr', minLr, 0, optimizer);
  }

  /** The best metric so far, null before the first step. */
  get best(): number | null {
    return this.#best;
  }

  /** Takes note of a metric, usually after each epoch. @param metric the value that should improve; NaN never does */
  step(metric: number): void {
    const { patience, cooldown } = this.options;
    this.lastEpoch++;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#numBadEpochs = 0;
    } else this.#numBadEpochs++;
    if (this.#cooldownCounter > 0) {
      this.#cooldownCounter--;
      this.#numBadEpochs = 0;
    }
    if (this.#numBadEpochs > patience) {
      this.#reduce();
      this.#cooldownCounter = cooldown;
      this.#numBadEpochs = 0;
    }
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const best = this.#best ?? (mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
    const sign = mode === 'min' ? -1 : 1;
    const bar = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? metric < bar : metric > bar;
  }

  #reduce(): void {
    const { factor, minLr, eps } = this.options;
    this.optimizer.groups.forEach((group, i) => {
      const lr = Math.max(group.lr * factor, perGroup('minLr', minLr, i, this.optimizer));
      if (group.lr - lr > eps) group.lr = lr;
    });
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.optimizer.groups.map(({ lr }) => lr);
  }

  /** Where the schedule stands. */
  stateDict(): PlateauState {
    return {
      best: this.#best,
      numBadEpochs: this.#numBadEpochs,
      cooldownCounter: this.#cooldownCounter,
      lastEpoch: this.lastEpoch,
      lastLrs: this.getLastLr(),
    };
  }

  /**
   * Goes on where another schedule with the same options stood, the optimiser's learning rates included.
   * @throws FormatError or StateDictError for what is no such state; nothing is changed then
   */
  loadStateDict(state: PlateauState): void {
    const { best, numBadEpochs, cooldownCounter, lastEpoch, lastLrs } = readState(state, 'scheduler');
    checkLrs(this.optimizer, lastLrs);
    restoreLrs(this.optimizer, lastLrs);
    this.#best = best;
    this.#numBadEpochs = numBadEpochs;
    this.#cooldownCounter = cooldownCounter;
    this.lastEpoch = lastEpoch;
  }
}

const readState = object<PlateauState>({
  best: nullable(number),
  numBadEpochs: count,
  cooldownCounter: count,
  lastEpoch: count,
  lastLrs: list(finite),
});
