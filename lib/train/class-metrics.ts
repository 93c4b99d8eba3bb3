/** Metrics of predictions among several classes. */
import { ShapeError } from '../errors.ts';
import { auroc } from './curves.ts';
import type { Numbers } from './predictions.ts';

/** Metrics of predictions among several classes. */
export type ClassMetrics = {
  /** The fraction of samples whose class has the highest score. */
  readonly accuracy: number;
  /** The mean over classes of the AUROC of that class against the others; NaN where there is but one class. */
  readonly macroAuroc: number;
};

/**
 * The fraction of samples whose class has the highest score, and the mean over classes of the AUROC of that class against
 * the others (scikit-learn's `roc_auc_score` with `multi_class='ovr', average='macro'`); a class of which there are no samples,
 * or nothing else, is left out.
 * @param scores `[N, classes]`, row by row
 * @param labels class indices, `[N]`
 * @throws ShapeError for a label that is no class
 */
export function classMetrics(scores: Numbers, labels: Numbers, samples: number): ClassMetrics {
  const classes = scores.length / samples;
  let right = 0;
  for (let i = 0; i < samples; i++) {
    const label = labels[i];
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new ShapeError(`metrics: label ${i} is ${label}, wants a class from 0 to ${classes - 1}`);
    }
    let best = 0;
    for (let c = 1; c < classes; c++) if (scores[i * classes + c] > scores[i * classes + best]) best = c;
    if (best === label) right++;
  }
  const areas = Array.from({ length: classes }, (_, c) =>
    auroc(
      Array.from(labels, (label) => Number(label === c)),
      Array.from({ length: samples }, (_, i) => scores[i * classes + c]),
    ),
  ).filter((area) => !Number.isNaN(area));
  return {
    accuracy: right / samples,
    macroAuroc: areas.reduce((sum, area) => sum + area, 0) / areas.length,
  };
}
