/**
 * Metrics of a two-class prediction. Labels are 0 or 1, scores are probabilities of class 1, and a score above the
 * threshold counts as class 1. A metric whose definition divides by zero is NaN.
 */
import { groupBy } from '../data/split.ts';
import { ShapeError } from '../errors.ts';
import { auroc } from './curves.ts';
import { checkLabels, checkScores, type Numbers, tiesOf, type ViewPrediction } from './predictions.ts';

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

/** The accuracy that answers of the same frequencies would have by chance. */
export function chanceAgreement(m: ConfusionMatrix): number {
  const { trueNegatives: tn, falsePositives: fp, falseNegatives: fn, truePositives: tp } = m;
  return ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / total(m) ** 2;
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

/** One prediction a study: the mean score of its views. @throws ShapeError where its images differ in label */
export function byStudy<T extends ViewPrediction>(predictions: readonly T[]): T[] {
  return [...groupBy(predictions, ({ study }) => study).values()].map((views) => {
    const odd = views.find(({ label }) => label !== views[0].label);
    if (odd) throw new ShapeError(`metrics: the images of study '${odd.study}' have both labels`);
    return { ...views[0], score: views.reduce((sum, { score }) => sum + score, 0) / views.length };
  });
}
