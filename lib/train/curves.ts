/** Curves of a two-class prediction, for plots. Labels are 0 or 1, scores are probabilities of class 1. */
import { ShapeError } from '../errors.ts';
import { checkLabels, checkScores, type Numbers, tiesOf } from './predictions.ts';

/** Points of an ROC curve from (0, 0) to (1, 1); a rate whose class is absent is NaN throughout. */
export interface RocCurve {
  /** False positive rate, 1 - specificity. */
  readonly fpr: readonly number[];
  /** True positive rate, sensitivity. */
  readonly tpr: readonly number[];
  /** Scores from this one on count as class 1; the first is Infinity. */
  readonly thresholds: readonly number[];
}

/**
 * The receiver operating characteristic, as scikit-learn's `roc_curve`: (0, 0), then a point for each distinct score
 * from the highest down, without those that lie halfway between their neighbours.
 * @throws ShapeError for labels other than 0 and 1, or a score that is NaN
 */
export function rocCurve(labels: Numbers, scores: Numbers): RocCurve {
  checkLabels(labels, scores);
  checkScores('rocCurve', scores);
  let [falsePositives, truePositives] = [0, 0];
  const points = tiesOf(labels, scores).map(({ score, positives, negatives }) => {
    falsePositives += negatives;
    truePositives += positives;
    return { threshold: score, falsePositives, truePositives };
  });
  const isCorner = (i: number) =>
    i === 0 ||
    i === points.length - 1 ||
    (['falsePositives', 'truePositives'] as const).some(
      (count) => points[i + 1][count] - points[i][count] !== points[i][count] - points[i - 1][count],
    );
  const nothing = { threshold: Number.POSITIVE_INFINITY, falsePositives: 0, truePositives: 0 };
  const corners = [nothing, ...points.filter((_, i) => isCorner(i))];
  return {
    fpr: corners.map((corner) => corner.falsePositives / falsePositives),
    tpr: corners.map((corner) => corner.truePositives / truePositives),
    thresholds: corners.map(({ threshold }) => threshold),
  };
}

/** Of each bin that has predictions, in the order of their scores. */
export interface CalibrationCurve {
  /** The share of class 1 among its labels. */
  readonly probTrue: readonly number[];
  /** Its mean score. */
  readonly probPred: readonly number[];
  /** Its number of predictions. */
  readonly counts: readonly number[];
}

/**
 * The reliability diagram, as scikit-learn's `calibration_curve` with uniform bins: [0, 1] in `bins` (default 10) parts of one
 * width, each with its upper edge and without its lower one; those without predictions are left out.
 * @throws ShapeError for labels other than 0 and 1, or a score outside [0, 1]
 */
export function calibrationCurve(labels: Numbers, scores: Numbers, bins = 10): CalibrationCurve {
  checkLabels(labels, scores);
  const filled = Array.from({ length: bins }, () => ({ n: 0, positives: 0, sum: 0 }));
  for (let i = 0; i < scores.length; i++) {
    if (!(scores[i] >= 0 && scores[i] <= 1)) {
      throw new ShapeError(`calibrationCurve: score ${i} is ${scores[i]}, wants a probability from 0 to 1`);
    }
    let place = 0;
    while (place < bins - 1 && scores[i] > (place + 1) * (1 / bins)) place++;
    const bin = filled[place];
    bin.n++;
    bin.positives += labels[i];
    bin.sum += scores[i];
  }
  const used = filled.filter(({ n }) => n > 0);
  return {
    probTrue: used.map(({ positives, n }) => positives / n),
    probPred: used.map(({ sum, n }) => sum / n),
    counts: used.map(({ n }) => n),
  };
}

/**
 * The area under the ROC curve: the chance that a positive scores above a negative, ties counting half (Mann and
 * Whitney's U). NaN where only one class is there, or a score is NaN.
 */
export function auroc(labels: Numbers, scores: Numbers): number {
  checkLabels(labels, scores);
  let [positives, negatives, area] = [0, 0, 0];
  for (const tie of tiesOf(labels, scores)) {
    if (Number.isNaN(tie.score)) return Number.NaN;
    area += tie.negatives * (positives + tie.positives / 2);
    positives += tie.positives;
    negatives += tie.negatives;
  }
  return area / (positives * negatives);
}
