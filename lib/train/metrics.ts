/**
 * Metrics of a two-class prediction. Labels are 0 or 1, scores are probabilities of class 1, and a score above the
 * threshold counts as class 1. A metric whose definition divides by zero is NaN.
 */
import { groupBy } from '../data/split.ts';
import { ShapeError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';
import { auroc } from './curves.ts';
import {
  checkLabels,
  checkScores,
  type Numbers,
  type Prediction,
  tiesOf,
  type ViewPrediction,
} from './predictions.ts';
import { aurocInterval, type Interval, wilsonInterval } from './score-intervals.ts';

export * from './class-metrics.ts';
export * from './curves.ts';
export type { Numbers, Prediction, ViewPrediction } from './predictions.ts';
export * from './score-intervals.ts';

/** How often each class was answered to each. */
export interface ConfusionMatrix {
  /** Class 0, called 0. */
  readonly trueNegatives: number;
  /** Class 0, called 1. */
  readonly falsePositives: number;
  /** Class 1, called 0. */
  readonly falseNegatives: number;
  /** Class 1, called 1. */
  readonly truePositives: number;
}

/**
 * Counts the answers.
 * @param labels 0 or 1
 * @param scores of class 1, one for each label
 * @param threshold a score above it is an answer of 1; default 0.5
 * @throws ShapeError for labels other than 0 and 1, or another number of scores
 */
export function confusionMatrix(labels: Numbers, scores: Numbers, threshold = 0.5): ConfusionMatrix {
  checkLabels(labels, scores);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) counts[2 * labels[i] + Number(scores[i] > threshold)]++;
  const [trueNegatives, falsePositives, falseNegatives, truePositives] = counts;
  return { trueNegatives, falsePositives, falseNegatives, truePositives };
}

const total = (m: ConfusionMatrix) => m.trueNegatives + m.falsePositives + m.falseNegatives + m.truePositives;

/** The share of right answers. */
export const accuracy = (m: ConfusionMatrix): number => (m.trueNegatives + m.truePositives) / total(m);

/** The share of class 1 that is found: recall, true positive rate. */
export const sensitivity = (m: ConfusionMatrix): number =>
  m.truePositives / (m.truePositives + m.falseNegatives);

/** The share of class 0 that is left alone: true negative rate. */
export const specificity = (m: ConfusionMatrix): number =>
  m.trueNegatives / (m.trueNegatives + m.falsePositives);

/** The harmonic mean of precision and sensitivity. */
export const f1 = (m: ConfusionMatrix): number =>
  (2 * m.truePositives) / (2 * m.truePositives + m.falsePositives + m.falseNegatives);

/**
 * Agreement beyond chance, (p - e) / (1 - e) (Cohen 1960), here multiplied out: one division of whole numbers, so that
 * equal kappas are equal bits. 0 for a constant predictor.
 */
export function cohenKappa(m: ConfusionMatrix): number {
  const { trueNegatives: tn, falsePositives: fp, falseNegatives: fn, truePositives: tp } = m;
  return (2 * (tp * tn - fp * fn)) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn));
}

/** The accuracy of always answering the more frequent class. */
export function majorityBaseline(labels: Numbers): number {
  const positives = Array.from(labels).filter((label) => label === 1).length;
  return Math.max(positives, labels.length - positives) / labels.length;
}

/**
 * The threshold of the greatest kappa, to be chosen on validation data and nowhere else. It lies midway between two
 * neighbouring scores; of several that are equally good it is the one nearest to 0.5, and of two as near, the lower.
 * 0.5 where no threshold is better than chance, so also where only one class is there.
 * @throws ShapeError for labels other than 0 and 1, or a score that is NaN
 */
export function bestThreshold(labels: Numbers, scores: Numbers): number {
  checkLabels(labels, scores);
  checkScores('bestThreshold', scores);
  const ties = tiesOf(labels, scores);
  let [falseNegatives, trueNegatives] = [0, 0];
  for (const tie of ties) {
    falseNegatives += tie.positives;
    trueNegatives += tie.negatives;
  }
  let [truePositives, falsePositives] = [0, 0];
  let best = { kappa: 0, threshold: 0.5 };
  for (let i = 0; i < ties.length - 1; i++) {
    const { score, positives, negatives } = ties[i];
    truePositives += positives;
    falseNegatives -= positives;
    falsePositives += negatives;
    trueNegatives -= negatives;
    const kappa = cohenKappa({ trueNegatives, falsePositives, falseNegatives, truePositives });
    const threshold = between(ties[i + 1].score, score);
    const isNearer = Math.abs(threshold - 0.5) <= Math.abs(best.threshold - 0.5);
    if (kappa > best.kappa || (kappa > 0 && kappa === best.kappa && isNearer)) best = { kappa, threshold };
  }
  return best.threshold;
}

/** The middle of two scores, or the lower one where there is no number between them: only `high` is above it. */
function between(low: number, high: number): number {
  const middle = low + (high - low) / 2;
  return middle < high ? middle : low;
}

/** The metrics of one set of predictions. */
export interface Metrics {
  /** Predictions. */
  readonly n: number;
  /** How often each class was answered to each. */
  readonly confusion: ConfusionMatrix;
  /** See `accuracy`. */
  readonly accuracy: number;
  /** See `cohenKappa`. */
  readonly kappa: number;
  /** See `auroc`. */
  readonly auroc: number;
  /** See `sensitivity`. */
  readonly sensitivity: number;
  /** See `specificity`. */
  readonly specificity: number;
  /** See `f1`. */
  readonly f1: number;
  /** See `majorityBaseline`. */
  readonly majority: number;
  /** Whether all predictions are of one class, as those of a network that has learnt nothing. */
  readonly collapsed: boolean;
}

/**
 * All metrics of one set of predictions.
 * @param labels 0 or 1
 * @param scores of class 1, one for each label
 * @param threshold a score above it is an answer of 1; default 0.5
 * @throws ShapeError for labels other than 0 and 1, or another number of scores
 */
export function computeMetrics(labels: Numbers, scores: Numbers, threshold = 0.5): Metrics {
  const confusion = confusionMatrix(labels, scores, threshold);
  const predicted = confusion.truePositives + confusion.falsePositives;
  return {
    n: labels.length,
    confusion,
    accuracy: accuracy(confusion),
    kappa: cohenKappa(confusion),
    auroc: auroc(labels, scores),
    sensitivity: sensitivity(confusion),
    specificity: specificity(confusion),
    f1: f1(confusion),
    majority: majorityBaseline(labels),
    collapsed: predicted === 0 || predicted === labels.length,
  };
}

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

/** The accuracy that answers of the same frequencies would have by chance. */
function chanceAgreement(m: ConfusionMatrix): number {
  const { trueNegatives: tn, falsePositives: fp, falseNegatives: fn, truePositives: tp } = m;
  return ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / total(m) ** 2;
}

/** The q-quantile of sorted values, linear between neighbours. */
function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}

/** One prediction a study: the mean score of its views. @throws ShapeError where its images differ in label */
export function byStudy<T extends ViewPrediction>(predictions: readonly T[]): T[] {
  return [...groupBy(predictions, ({ study }) => study).values()].map((views) => {
    const odd = views.find(({ label }) => label !== views[0].label);
    if (odd) throw new ShapeError(`metrics: the images of study '${odd.study}' have both labels`);
    return { ...views[0], score: views.reduce((sum, { score }) => sum + score, 0) / views.length };
  });
}
