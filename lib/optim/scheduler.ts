import { ArgumentError, quote, ShapeError, StateDictError } from '../errors.ts';
import { count, finite, list, object } from '../readers.ts';
import { type GroupOptions, Optimizer, type ParamGroup } from './optimizer.ts';

/** Where a schedule stands; plain JSON. */
export interface SchedulerState {
  /** Steps taken after the one that the constructor takes. */
  readonly lastEpoch: number;
  /** The learning rate of each group that the schedule started from. */
  readonly baseLrs: readonly number[];
  /** The learning rate of each group. */
  readonly lastLrs: readonly number[];
}

/**
 * The base of schedules that set the groups' learning rates from the number of steps, as torch's _LRScheduler: the
 * constructor takes step 0, each `step()` the next. Most derive a rate from the one before, so that schedules
 * can be chained on one optimiser.
 */
export abstract class LRScheduler<Options> {
  /** The number of the step that the schedule is at, from 0. */
  lastEpoch = -1;
  /** The optimiser whose learning rates are set. */
  readonly optimizer: Optimizer<GroupOptions>;
  /** The options, with the default of each that was not given. */
  protected readonly options: Options;
  #baseLrs: readonly number[];

  constructor(optimizer: Optimizer<GroupOptions>, options: Options) {
    checkOptimizer(optimizer);
    this.optimizer = optimizer;
    this.options = options;
    this.#baseLrs = optimizer.groups.map((group, i) => {
      group.initialLr = this.startLr(group, i);
      return group.initialLr;
    });
    this.step();
  }

  /** The learning rate of each group that the schedule starts from. */
  get baseLrs(): readonly number[] {
    return this.#baseLrs;
  }

  /** The learning rate that a group starts from: its own, or that of a schedule before this one. */
  protected startLr(group: ParamGroup, _index: number): number {
    return group.initialLr ?? group.lr;
  }

  /** The learning rate of step `lastEpoch` for a group whose rate so far is `group.lr`. */
  protected abstract nextLr(group: ParamGroup, index: number): number;

  /** Goes on to the next step. */
  step(): void {
    this.lastEpoch++;
    this.optimizer.groups.forEach((group, i) => {
      group.lr = this.nextLr(group, i);
    });
  }

  /** Goes back to step 0. */
  restart(): void {
    this.lastEpoch = -1;
    this.optimizer.groups.forEach((group, i) => {
      group.lr = this.#baseLrs[i];
    });
    this.step();
  }

  /** The learning rate of each group. */
  getLastLr(): number[] {
    return this.optimizer.groups.map(({ lr }) => lr);
  }

  /** Where the schedule stands. */
  stateDict(): SchedulerState {
    return { lastEpoch: this.lastEpoch, baseLrs: this.#baseLrs, lastLrs: this.getLastLr() };
  }

  /** @throws FormatError or StateDictError for a state that `loadStateDict` would not take @internal */
  checkStateDict(state: SchedulerState): void {
    const { baseLrs, lastLrs } = readState(state, 'scheduler');
    for (const lrs of [baseLrs, lastLrs]) checkLrs(this.optimizer, lrs);
  }

  /**
   * Goes on where another schedule with the same options stood, the optimiser's learning rates included.
   * @throws FormatError or StateDictError for what is no such state; nothing is changed then
   */
  loadStateDict(state: SchedulerState): void {
    this.checkStateDict(state);
    restoreLrs(this.optimizer, state.lastLrs);
    this.lastEpoch = state.lastEpoch;
    this.#baseLrs = [...state.baseLrs];
  }
}

const readState = object<SchedulerState>({ lastEpoch: count, baseLrs: list(finite), lastLrs: list(finite) });

/** @throws ArgumentError for what is no optimiser */
export function checkOptimizer(optimizer: unknown): void {
  if (optimizer instanceof Optimizer) return;
  throw new ArgumentError(`scheduler: wants an optimizer, got ${quote(optimizer)}`);
}

/** @throws StateDictError where there is not one rate per group */
export function checkLrs({ groups }: Optimizer<GroupOptions>, lrs: readonly number[]): void {
  if (lrs.length === groups.length) return;
  throw new StateDictError(
    `scheduler: the state has ${lrs.length} learning rates, the optimizer ${groups.length} groups`,
  );
}

export function restoreLrs({ groups }: Optimizer<GroupOptions>, lrs: readonly number[]): void {
  groups.forEach((group, i) => {
    group.lr = lrs[i];
  });
}

/** The value of a group, of an option that is one for all or one for each. @throws ShapeError for another number of them */
export function perGroup<T>(
  name: string,
  value: T | readonly T[],
  index: number,
  { groups }: Optimizer<GroupOptions>,
): T {
  if (!Array.isArray(value)) return value as T;
  if (value.length !== groups.length) {
    throw new ShapeError(`scheduler: ${value.length} values of ${name} for ${groups.length} groups`);
  }
  return value[index];
}
