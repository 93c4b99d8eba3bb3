import type { DataLoader } from '../data/loader.ts';
import { ShapeError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { type ObjectiveOptions, objectiveOf } from './objective.ts';
import { rememberTraining } from './snapshot.ts';
import { accumulateGradients } from './train-step.ts';

/** The options of `findLearningRate`. */
export interface LearningRateOptions extends Pick<ObjectiveOptions, 'loss'> {
  /** Groups keep the ratios of their learning rates; the greatest is the one that is swept. */
  optimizer: Optimizer;
  /** The first rate, default 1e-7. */
  from?: number;
  /** The last rate, default 10. */
  to?: number;
  /** Steps of the optimiser, a batch each, default 100. */
  steps?: number;
  /** The share of the older losses in the smoothed one, default 0.98. */
  smoothing?: number;
  /** Stops where the smoothed loss is so many times its least, default 4. */
  divergence?: number;
  /** Called after each step, to show how far it is. */
  onStep?: (point: LearningRatePoint, part: number) => void;
}

/** A step of the range test. */
export interface LearningRatePoint {
  /** The greatest learning rate of the groups at the step. */
  readonly lr: number;
  /** Of the batch, before the step at this rate. */
  readonly loss: number;
  /** The exponentially weighted mean of the losses so far, its start corrected as Adam corrects its moments. */
  readonly smoothed: number;
}

/** What a range test found. */
export interface LearningRateCurve {
  /** The steps, in their order. */
  readonly points: readonly LearningRatePoint[];
  /** Where the smoothed loss falls most steeply over log(lr); null where it never falls. */
  readonly suggestion: number | null;
}

/**
 * The learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks", section 3.3), swept
 * exponentially with a smoothed loss as in fastai's lr_find: trains a step at each of a growing series of rates, until
 * the loss diverges or is no number. Model, optimiser and random generator are then put back as they were.
 * @throws ShapeError for a range that does not grow, fewer than two steps, or a loader without batches
 */
export async function findLearningRate(
  model: Module,
  loader: DataLoader,
  options: LearningRateOptions,
): Promise<LearningRateCurve> {
  const { optimizer, from = 1e-7, to = 10, steps = 100 } = options;
  if (!(from > 0 && to > from)) {
    throw new ShapeError(`findLearningRate: wants 0 < from < to, got ${from} and ${to}`);
  }
  if (!(Number.isInteger(steps) && steps >= 2)) {
    throw new ShapeError(`findLearningRate: wants 2 steps or more, got ${steps}`);
  }
  if (loader.length === 0) throw new ShapeError('findLearningRate: the loader has no batches');
  const restore = await rememberTraining(model, optimizer);
  try {
    const points = await sweep(model, loader, { ...options, from, to, steps });
    return { points, suggestion: steepestFall(points, Math.floor(steps / 10)) };
  } finally {
    restore();
  }
}

async function sweep(
  model: Module,
  loader: DataLoader,
  options: LearningRateOptions & { from: number; to: number; steps: number },
): Promise<LearningRatePoint[]> {
  const { optimizer, from, to, steps, smoothing = 0.98, divergence = 4, onStep } = options;
  const greatest = Math.max(...optimizer.groups.map(({ lr }) => lr));
  const ratios = optimizer.groups.map(({ lr }) => (greatest > 0 ? lr / greatest : 1));
  const objective = objectiveOf(loader.targetShape, options);
  const points: LearningRatePoint[] = [];
  let [mean, least] = [0, Number.POSITIVE_INFINITY];
  model.train();
  for (let epoch = 0; ; epoch++) {
    for await (const batch of loader.epoch(epoch)) {
      const lr = from * (to / from) ** (points.length / (steps - 1));
      optimizer.zeroGrad();
      const { loss } = await accumulateGradients(model, batch, objective);
      if (!Number.isFinite(loss)) return points;
      mean = smoothing * mean + (1 - smoothing) * loss;
      const smoothed = mean / (1 - smoothing ** (points.length + 1));
      const point = { lr, loss, smoothed };
      points.push(point);
      onStep?.(point, points.length / steps);
      least = Math.min(least, smoothed);
      if (points.length === steps || smoothed > divergence * least) return points;
      optimizer.groups.forEach((group, i) => {
        group.lr = ratios[i] * lr;
      });
      optimizer.step();
    }
  }
}

/** The rate at the steepest fall before the least smoothed loss, the first `skip` points left out as still too noisy. */
function steepestFall(points: readonly LearningRatePoint[], skip: number): number | null {
  const losses = points.map(({ smoothed }) => smoothed);
  const end = losses.indexOf(Math.min(...losses));
  let [slope, suggestion]: [number, number | null] = [0, null];
  for (let i = skip; i < end; i++) {
    const next = (losses[i + 1] - losses[i]) / Math.log(points[i + 1].lr / points[i].lr);
    if (next < slope) [slope, suggestion] = [next, points[i].lr];
  }
  return suggestion;
}
