import type { MuraImage } from '../data/mura-layout.ts';
import { groupBy } from '../data/split.ts';
import type { Evaluation } from '../train/evaluate.ts';
import { bootstrapInterval, byStudy, cohenKappa, computeMetrics, confusionMatrix } from '../train/metrics.ts';
import { formatTable } from './table.ts';

/** A model's score of one image. */
export type ScoredImage = MuraImage & { readonly score: number };

export function scoreImages(images: readonly MuraImage[], { scores }: Evaluation): ScoredImage[] {
  return images.map((image, i) => ({ ...image, score: scores[i] }));
}

const fixed = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(3).replace(/^-(0\.0+)$/, '$1'));
const labelsOf = (predictions: readonly ScoredImage[]) => predictions.map(({ label }) => label);
const scoresOf = (predictions: readonly ScoredImage[]) => predictions.map(({ score }) => score);

/** Accuracy, kappa and their neighbours for each region and over all, per image: rows for a table. */
function regionRows(predictions: readonly ScoredImage[]): string[][] {
  const header = [
    'per image',
    'n',
    'accuracy',
    'majority class',
    'kappa',
    'AUROC',
    'sensitivity',
    'specificity',
  ];
  const row = (title: string, part: readonly ScoredImage[]) => {
    const m = computeMetrics(labelsOf(part), scoresOf(part));
    const values = [m.accuracy, m.majority, m.kappa, m.auroc, m.sensitivity, m.specificity];
    return [title, String(m.n), ...values.map(fixed)];
  };
  const regions = [...groupBy(predictions, ({ region }) => region)].sort();
  return [header, ...regions.map(([region, part]) => row(region, part)), row('all', predictions)];
}

/** One line: n, accuracy beside the majority class's, kappa with its interval over patients. */
function unitLine(split: string, unit: string, predictions: readonly ScoredImage[]): string {
  const { n, accuracy, majority, kappa } = computeMetrics(labelsOf(predictions), scoresOf(predictions));
  const { low, high } = bootstrapInterval(predictions, (labels, scores) =>
    cohenKappa(confusionMatrix(labels, scores)),
  );
  const interval = `95 % interval over patients ${fixed(low)} to ${fixed(high)}`;
  return `${split}, per ${unit}: n ${n}, accuracy ${fixed(accuracy)} (majority class ${fixed(majority)}), kappa ${fixed(kappa)} (${interval})`;
}

/** A warning that a model, or its answers in a region, are of one class only; empty where none are. */
function collapseWarnings(predictions: readonly ScoredImage[]): string[] {
  const bar = '!'.repeat(90);
  const { collapsed } = computeMetrics(labelsOf(predictions), scoresOf(predictions));
  if (collapsed) {
    const answer = predictions[0].score > 0.5 ? 'abnormal' : 'normal';
    const text = `!! WARNING: every prediction is '${answer}'. This model is a constant predictor: it has learnt nothing.`;
    return [bar, text, bar];
  }
  const regions = [...groupBy(predictions, ({ region }) => region)].filter(
    ([, part]) =>
      new Set(labelsOf(part)).size > 1 && computeMetrics(labelsOf(part), scoresOf(part)).collapsed,
  );
  if (regions.length === 0) return [];
  return [`! Warning: predictions are of one class in: ${regions.map(([region]) => region).join(', ')}`];
}

/**
 * What a model achieves on a split: a table of regions, warnings where predictions collapse to one class, and in the
 * last two lines accuracy and kappa per image and per study (mean over its views).
 */
export function describePredictions(split: string, predictions: readonly ScoredImage[]): string {
  return [
    formatTable(regionRows(predictions)),
    '',
    ...collapseWarnings(predictions),
    unitLine(split, 'image', predictions),
    unitLine(split, 'study', byStudy(predictions)),
  ].join('\n');
}
