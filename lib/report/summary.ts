import { groupBy } from '../data/split.ts';
import type { MuraImage } from '../mura/regions.ts';
import type { Evaluation } from '../train/evaluate.ts';
import {
  byStudy,
  computeMetrics,
  METRICS,
  type MetricInterval,
  type MetricName,
  type Metrics,
  metricIntervals,
} from '../train/metrics.ts';
import { formatTable } from './table.ts';

/** An image with what a model makes of it. */
export interface ScoredImage extends MuraImage {
  /** The probability that it is abnormal, in [0, 1]. */
  readonly score: number;
}

/** Images with the scores of an evaluation, which are in the same order. */
export function scoreImages(images: readonly MuraImage[], { scores }: Evaluation): ScoredImage[] {
  return images.map((image, i) => ({ ...image, score: scores[i] }));
}

export const METRIC_TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy',
  auroc: 'AUROC',
  sensitivity: 'sensitivity',
  specificity: 'specificity',
  f1: 'F1',
  kappa: 'kappa',
};

/** Three decimals; a dash for what is undefined. */
export const fixed = (value: number): string =>
  Number.isNaN(value) ? '-' : value.toFixed(3).replace(/^-(0\.0+)$/, '$1');

const metricsOf = (predictions: readonly ScoredImage[], threshold: number): Metrics =>
  computeMetrics(
    predictions.map(({ label }) => label),
    predictions.map(({ score }) => score),
    threshold,
  );

/** The predictions of each region, by name, then all of them. */
const byRegion = (predictions: readonly ScoredImage[]): [title: string, part: readonly ScoredImage[]][] => [
  ...[...groupBy(predictions, ({ region }) => region)].sort(),
  ['all', predictions],
];

/** The metrics of a region, or of `all`, and their intervals over patients. */
export interface RegionSummary {
  /** The region, or `all`. */
  readonly title: string;
  /** Of its images, each counted once. */
  readonly metrics: Metrics;
  /** 95 % intervals over patients. */
  readonly intervals: Readonly<Record<MetricName, MetricInterval>>;
}

/** Each region's metrics with 95 % intervals over patients (`metricIntervals`), those of all predictions last. */
export const summarizeRegions = (predictions: readonly ScoredImage[], threshold: number): RegionSummary[] =>
  byRegion(predictions).map(([title, part]) => ({
    title,
    metrics: metricsOf(part, threshold),
    intervals: metricIntervals(part, { threshold }),
  }));

/** What to say where predictions are of one class only: of a whole model, or of its answers in some regions. */
export function collapseWarning(
  predictions: readonly ScoredImage[],
  threshold: number,
): { readonly constant: boolean; readonly text: string } | null {
  if (predictions.length === 0) return null;
  if (metricsOf(predictions, threshold).collapsed) {
    const answer = predictions[0].score > threshold ? 'abnormal' : 'normal';
    const text = `every prediction is '${answer}'. This model is a constant predictor: it has learnt nothing.`;
    return { constant: true, text };
  }
  const regions = byRegion(predictions).filter(
    ([, part]) => new Set(part.map(({ label }) => label)).size > 1 && metricsOf(part, threshold).collapsed,
  );
  if (regions.length === 0) return null;
  const titles = regions.map(([title]) => title).join(', ');
  return { constant: false, text: `predictions are of one class in: ${titles}` };
}

function warningLines(predictions: readonly ScoredImage[], threshold: number): string[] {
  const warning = collapseWarning(predictions, threshold);
  if (!warning) return [];
  const bar = '!'.repeat(90);
  return warning.constant ? [bar, `!! WARNING: ${warning.text}`, bar] : [`! Warning: ${warning.text}`];
}

/** One line: n, accuracy beside the majority class's, kappa with its interval over patients. */
function unitLine(
  split: string,
  unit: string,
  predictions: readonly ScoredImage[],
  threshold: number,
): string {
  const { n, accuracy, majority, kappa } = metricsOf(predictions, threshold);
  const { low, high, method } = metricIntervals(predictions, { threshold }).kappa;
  const name = method === 'score' ? '95 % score interval' : '95 % interval';
  const interval = `${name} over patients ${fixed(low)} to ${fixed(high)}`;
  return `${split}, per ${unit}: n ${n}, accuracy ${fixed(accuracy)} (majority class ${fixed(majority)}), kappa ${fixed(kappa)} (${interval})`;
}

/**
 * What a model achieves on a split: a table of regions, warnings where predictions collapse to one class, and in the
 * last two lines accuracy and kappa per image and per study (mean over its views).
 * @param threshold scores above it count as abnormal; to be chosen on validation data (`bestThreshold`), default 0.5
 */
export function describePredictions(
  split: string,
  predictions: readonly ScoredImage[],
  threshold = 0.5,
): string {
  const header = ['per image', 'n', 'majority class', ...METRICS.map((name) => METRIC_TITLES[name])];
  const rows = byRegion(predictions).map(([title, part]) => {
    const metrics = metricsOf(part, threshold);
    return [title, `${metrics.n}`, fixed(metrics.majority), ...METRICS.map((name) => fixed(metrics[name]))];
  });
  return [
    formatTable([header, ...rows]),
    '',
    `abnormal: a score above ${fixed(threshold)}`,
    ...warningLines(predictions, threshold),
    unitLine(split, 'image', predictions, threshold),
    unitLine(split, 'study', byStudy(predictions), threshold),
  ].join('\n');
}
