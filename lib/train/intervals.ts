/** 95 % intervals of the metrics of a two-class prediction: by bootstrap over patients, and where that has no width by score. */
import { groupBy } from '../data/split.ts';
import { Generator } from '../tensor/random.ts';
import { chanceAgreement, computeMetrics } from './binary-metrics.ts';
import type { Prediction } from './predictions.ts';
import { aurocInterval, type Interval, wilsonInterval } from './score-intervals.ts';

/** The options of the bootstrap. */
export interface BootstrapOptions {
  /** Samples that are drawn. Default 1000. */
  draws?: number;
  /** Of the drawing: same seed, same interval. Default 0. */
  seed?: number;
}

/** `statistic` of as many samples as asked for, each of whole patients, since one patient's images are not independent. */
function resample<T>(
  predictions: readonly Prediction[],
  statistic: (labels: readonly number[], scores: readonly number[]) => T,
  { draws = 1000, seed = 0 }: BootstrapOptions,
): T[] {
  const patients = [...groupBy(predictions, ({ patient }) => patient).values()];
  const random = new Generator(seed);
  return Array.from({ length: draws }, () => {
    const drawn = patients.flatMap(() => patients[random.integer(patients.length)]);
    return statistic(
      drawn.map(({ label }) => label),
      drawn.map(({ score }) => score),
    );
  });
}

/** The middle 95 % of drawn values; those that are undefined are left out, NaN if all are. */
function interval(drawn: readonly number[]): Interval {
  const values = drawn.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
}

/**
 * A 95 % percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13) that draws whole patients. Draws in which
 * the metric is undefined are left out; NaN if all are.
 */
export function bootstrapInterval(
  predictions: readonly Prediction[],
  metric: (labels: readonly number[], scores: readonly number[]) => number,
  options: BootstrapOptions = {},
): Interval {
  return interval(resample(predictions, metric, options));
}

/** The metrics that have an interval. */
export const METRICS = ['accuracy', 'auroc', 'sensitivity', 'specificity', 'f1', 'kappa'] as const;
/** A metric that has an interval. */
export type MetricName = (typeof METRICS)[number];

/** The interval of each metric at a threshold, all from the same draws; see `bootstrapInterval`. */
export function bootstrapIntervals(
  predictions: readonly Prediction[],
  { threshold = 0.5, ...options }: BootstrapOptions & { threshold?: number } = {},
): Record<MetricName, Interval> {
  const drawn = resample(predictions, (labels, scores) => computeMetrics(labels, scores, threshold), options);
  const intervals = METRICS.map((name) => [name, interval(drawn.map((metrics) => metrics[name]))] as const);
  return Object.fromEntries(intervals) as Record<MetricName, Interval>;
}

/** Draws this near to each other differ by rounding. */
const ALIKE = 1e-9;

/** An interval, and whether it is the bootstrap's or a score interval. */
export interface MetricInterval extends Interval {
  /** How it was made. */
  readonly method: 'bootstrap' | 'score';
}

/**
 * The 95 % interval of each metric: the bootstrap's (`bootstrapIntervals`), and where all its draws are alike, as where
 * every answer is right, a score interval that counts each patient once. NaN for a metric that is undefined.
 */
export function metricIntervals(
  predictions: readonly Prediction[],
  { threshold = 0.5, ...options }: BootstrapOptions & { threshold?: number } = {},
): Record<MetricName, MetricInterval> {
  const drawn = bootstrapIntervals(predictions, { threshold, ...options });
  const intervals = METRICS.map((name): [MetricName, MetricInterval] => {
    const { low, high } = drawn[name];
    if (!(high - low < ALIKE)) return [name, { low, high, method: 'bootstrap' }];
    return [name, { ...scoreInterval(name, predictions, threshold), method: 'score' }];
  });
  return Object.fromEntries(intervals) as Record<MetricName, MetricInterval>;
}

/** The score interval of a metric, of as many independent answers as there are patients who have a part in it. */
function scoreInterval(name: MetricName, predictions: readonly Prediction[], threshold: number): Interval {
  const metrics = computeMetrics(
    predictions.map(({ label }) => label),
    predictions.map(({ score }) => score),
    threshold,
  );
  const patients = (part: (prediction: Prediction) => boolean) =>
    new Set(predictions.filter(part).map(({ patient }) => patient)).size;
  const positives = patients(({ label }) => label === 1);
  const negatives = patients(({ label }) => label === 0);
  const all = patients(() => true);
  switch (name) {
    case 'accuracy':
      return wilsonInterval(metrics.accuracy, all);
    case 'sensitivity':
      return wilsonInterval(metrics.sensitivity, positives);
    case 'specificity':
      return wilsonInterval(metrics.specificity, negatives);
    case 'auroc':
      return aurocInterval(metrics.auroc, positives, negatives);
    case 'f1': {
      // F1 = 2 j / (1 + j), j the share of true positives in all but the true negatives.
      const involved = patients(({ label, score }) => label === 1 || score > threshold);
      const { low, high } = wilsonInterval(metrics.f1 / (2 - metrics.f1), involved);
      return { low: (2 * low) / (1 + low), high: (2 * high) / (1 + high) };
    }
    case 'kappa': {
      // Kappa = (p - e) / (1 - e) of accuracy p; the chance agreement e is held fast, as in Cohen 1960's standard error.
      const chance = chanceAgreement(metrics.confusion);
      const { low, high } = wilsonInterval(metrics.accuracy, all);
      const kappa = (accuracy: number) => Math.max(-1, (accuracy - chance) / (1 - chance));
      return { low: kappa(low), high: kappa(high) };
    }
  }
}

/** The q-quantile of sorted values, linear between neighbours. */
function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}
