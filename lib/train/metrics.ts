/**
 * Metrics of a two-class prediction. Labels are 0 or 1, scores are probabilities of class 1, and a score above the
 * threshold counts as class 1. A metric whose definition divides by zero is NaN.
 */
import { groupBy } from '../data/split.ts';
import { ShapeError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';

export interface ConfusionMatrix {
  readonly trueNegatives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly truePositives: number;
}

type Numbers = ArrayLike<number>;

export function confusionMatrix(labels: Numbers, scores: Numbers, threshold = 0.5): ConfusionMatrix {
  checkLengths(labels, scores);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) counts[2 * labels[i] + Number(scores[i] > threshold)]++;
  const [trueNegatives, falsePositives, falseNegatives, truePositives] = counts;
  return { trueNegatives, falsePositives, falseNegatives, truePositives };
}

function checkLengths(labels: Numbers, scores: Numbers): void {
  if (labels.length !== scores.length) {
    throw new ShapeError(`metrics: ${labels.length} labels and ${scores.length} scores are not one each`);
  }
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 0 && labels[i] !== 1)
      throw new ShapeError(`metrics: label ${i} is ${labels[i]}, wants 0 or 1`);
  }
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

/** Agreement beyond chance, (p - e) / (1 - e) (Cohen 1960); 0 for a constant predictor. */
export function cohenKappa(m: ConfusionMatrix): number {
  const n = total(m);
  const positives = (m.truePositives + m.falseNegatives) / n;
  const predicted = (m.truePositives + m.falsePositives) / n;
  const chance = positives * predicted + (1 - positives) * (1 - predicted);
  return (accuracy(m) - chance) / (1 - chance);
}

/** The accuracy of always answering the more frequent class. */
export function majorityBaseline(labels: Numbers): number {
  const positives = Array.from(labels).filter((label) => label === 1).length;
  return Math.max(positives, labels.length - positives) / labels.length;
}

/**
 * The area under the ROC curve: the chance that a positive scores above a negative, ties counting half (Mann and
 * Whitney's U, from mean ranks). NaN where only one class is there, or a score is NaN.
 */
export function auroc(labels: Numbers, scores: Numbers): number {
  checkLengths(labels, scores);
  if (Array.from(scores).some(Number.isNaN)) return Number.NaN;
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[a] - scores[b]);
  let [positives, rankSum] = [0, 0];
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && scores[order[end]] === scores[order[start]]) end++;
    for (let i = start; i < end; i++) {
      if (labels[order[i]] === 0) continue;
      positives++;
      rankSum += (start + 1 + end) / 2;
    }
    start = end;
  }
  const negatives = labels.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Everything above, of one set of predictions. */
export interface Metrics {
  readonly n: number;
  readonly confusion: ConfusionMatrix;
  readonly accuracy: number;
  readonly kappa: number;
  readonly auroc: number;
  readonly sensitivity: number;
  readonly specificity: number;
  readonly f1: number;
  readonly majority: number;
  /** Whether all predictions are of one class, as those of a network that has learnt nothing. */
  readonly collapsed: boolean;
}

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

/** A score with its label and whose it is. */
export interface Prediction {
  readonly label: number;
  readonly score: number;
  readonly patient: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * A 95 % percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13) that draws whole patients, since one
 * patient's images are not independent. Draws in which the metric is undefined are left out; NaN if all are.
 */
export function bootstrapInterval(
  predictions: readonly Prediction[],
  metric: (labels: readonly number[], scores: readonly number[]) => number,
  { draws = 1000, seed = 0 } = {},
): Interval {
  const patients = [...groupBy(predictions, ({ patient }) => patient).values()];
  const random = new Generator(seed);
  const values: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const drawn = patients.flatMap(() => patients[random.integer(patients.length)]);
    const value = metric(
      drawn.map(({ label }) => label),
      drawn.map(({ score }) => score),
    );
    if (!Number.isNaN(value)) values.push(value);
  }
  values.sort((a, b) => a - b);
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
}

/** The q-quantile of sorted values, linear between neighbours. */
function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}

/** One prediction a study: the mean score of its views. @throws ShapeError where its images differ in label */
export function byStudy<T extends Prediction & { readonly study: string }>(predictions: readonly T[]): T[] {
  return [...groupBy(predictions, ({ study }) => study).values()].map((views) => {
    const odd = views.find(({ label }) => label !== views[0].label);
    if (odd) throw new ShapeError(`metrics: the images of study '${odd.study}' have both labels`);
    return { ...views[0], score: views.reduce((sum, { score }) => sum + score, 0) / views.length };
  });
}
