import { required, resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { GroupOptions, Optimizer, ParamGroup } from './optimizer.ts';
import { LRScheduler, perGroup } from './scheduler.ts';

/** The options of `OneCycleLR`. */
export interface OneCycleOptions {
  /** The highest learning rate; one for all groups or one for each. */
  maxLr: number | readonly number[];
  /** All steps of the cycle; or give epochs and stepsPerEpoch. */
  totalSteps?: number;
  /** Epochs of the cycle, where totalSteps is not given. */
  epochs?: number;
  /** Steps of an epoch, where totalSteps is not given. */
  stepsPerEpoch?: number;
  /** The fraction of the cycle in which the learning rate rises, in [0, 1]. Default 0.3. */
  pctStart?: number;
  /** Whether rates follow half a cosine (default) or a straight line. */
  annealStrategy?: 'cos' | 'linear';
  /** Whether momentum, or Adam's beta1, falls where the learning rate rises. Default true. */
  cycleMomentum?: boolean;
  /** The momentum, or beta1, at the highest learning rate. Default 0.85. */
  baseMomentum?: number;
  /** The momentum, or beta1, at the first and last step. Default 0.95. */
  maxMomentum?: number;
  /** The first learning rate is maxLr / divFactor. Default 25. */
  divFactor?: number;
  /** The last learning rate is the first / finalDivFactor. Default 1e4. */
  finalDivFactor?: number;
  /** Falls back to the first learning rate as slowly as it rose, then to the last. Default false. */
  threePhase?: boolean;
}

const DEFAULTS = {
  maxLr: required,
  totalSteps: undefined,
  epochs: 0,
  stepsPerEpoch: 0,
  pctStart: 0.3,
  annealStrategy: 'cos',
  cycleMomentum: true,
  baseMomentum: 0.85,
  maxMomentum: 0.95,
  divFactor: 25,
  finalDivFactor: 1e4,
  threePhase: false,
} as const;

type Mark = 'first' | 'max' | 'last';

/**
 * The 1cycle policy (Smith & Topin 2018), as torch's OneCycleLR: the learning rate rises from maxLr / divFactor to maxLr
 * and falls to the first rate / finalDivFactor; `step()` follows every batch.
 */
export class OneCycleLR extends LRScheduler<Required<OneCycleOptions>> {
  /**
   * @throws ShapeError where the number of steps or pctStart makes no cycle, for another number of maxLr than of groups,
   *   and for cycleMomentum on an optimiser that has neither momentum nor betas
   */
  constructor(optimizer: Optimizer<GroupOptions>, options: OneCycleOptions) {
    const resolved = resolveOptions('OneCycleLR', options, DEFAULTS);
    const { pctStart } = resolved;
    const totalSteps = resolved.totalSteps ?? resolved.epochs * resolved.stepsPerEpoch;
    if (!Number.isInteger(totalSteps) || totalSteps <= 0) {
      throw new ShapeError(
        `OneCycleLR: wants totalSteps, or epochs and stepsPerEpoch, as whole numbers above 0; they make ${totalSteps}`,
      );
    }
    if (!(pctStart >= 0 && pctStart <= 1)) {
      throw new ShapeError(`OneCycleLR: pctStart must be in [0, 1], got ${pctStart}`);
    }
    super(optimizer, { ...resolved, totalSteps });
  }

  /** maxLr / divFactor. */
  protected override startLr(_group: ParamGroup, index: number): number {
    return perGroup('maxLr', this.options.maxLr, index, this.optimizer) / this.options.divFactor;
  }

  protected nextLr(group: ParamGroup, index: number): number {
    const { from, to, part } = phaseAt(this.options, this.lastEpoch);
    const { maxLr, finalDivFactor, annealStrategy } = this.options;
    const first = this.startLr(group, index);
    const lrs = { first, max: perGroup('maxLr', maxLr, index, this.optimizer), last: first / finalDivFactor };
    const anneal = ANNEAL[annealStrategy];
    const { cycleMomentum, baseMomentum, maxMomentum } = this.options;
    if (cycleMomentum) {
      const momenta = { first: maxMomentum, max: baseMomentum, last: maxMomentum };
      setMomentum(group, anneal(momenta[from], momenta[to], part));
    }
    return anneal(lrs[from], lrs[to], part);
  }
}

/** The phase that a step is in, and how much of it is over. */
function phaseAt(options: Required<OneCycleOptions>, step: number): { from: Mark; to: Mark; part: number } {
  const { pctStart, threePhase, totalSteps: steps } = options;
  if (step > steps) throw new ShapeError(`OneCycleLR: step ${step + 1} of a cycle of ${steps}`);
  const rise = { from: 'first', to: 'max', end: pctStart * steps - 1 } as const;
  const phases = threePhase
    ? ([
        rise,
        { from: 'max', to: 'first', end: 2 * pctStart * steps - 2 },
        { from: 'first', to: 'last', end: steps - 1 },
      ] as const)
    : ([rise, { from: 'max', to: 'last', end: steps - 1 }] as const);
  const found = phases.findIndex(({ end }) => step <= end);
  const current = found < 0 ? phases.length - 1 : found;
  const { from, to, end } = phases[current];
  const start = current === 0 ? 0 : phases[current - 1].end;
  return { from, to, part: (step - start) / (end - start) };
}

/** From start to end as `part` goes from 0 to 1. */
const ANNEAL = {
  linear: (start: number, end: number, part: number) => (end - start) * part + start,
  cos: (start: number, end: number, part: number) =>
    end + ((start - end) / 2) * (Math.cos(Math.PI * part) + 1),
};

/** @throws ShapeError for an optimiser without momentum or betas */
function setMomentum(
  group: GroupOptions & { momentum?: number; betas?: readonly number[] },
  value: number,
): void {
  if (group.betas) group.betas = [value, ...group.betas.slice(1)];
  else if (group.momentum !== undefined) group.momentum = value;
  else throw new ShapeError('OneCycleLR: cycleMomentum wants an optimizer with momentum or betas');
}
