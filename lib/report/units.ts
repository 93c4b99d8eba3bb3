import { byStudy, type MetricInterval } from '../train/metrics.ts';
import { html, type Markup } from './html.ts';
import type { Colour } from './plots.ts';
import { fixed, type RegionSummary, type ScoredImage, summarizeRegions } from './summary.ts';

/** The test predictions as one counts them: by image or by study. */
export interface Unit {
  readonly name: 'image' | 'study';
  readonly plural: 'images' | 'studies';
  readonly colour: Colour;
  readonly predictions: readonly ScoredImage[];
  readonly regions: readonly RegionSummary[];
  readonly all: RegionSummary;
}

/** @param test not empty */
export function unitsOf(test: readonly ScoredImage[], threshold: number): Unit[] {
  const unit = (shape: Pick<Unit, 'name' | 'plural' | 'colour' | 'predictions'>): Unit => {
    const summaries = summarizeRegions(shape.predictions, threshold);
    return { ...shape, regions: summaries.slice(0, -1), all: summaries[summaries.length - 1] };
  };
  return [
    unit({ name: 'image', plural: 'images', colour: 'first', predictions: test }),
    unit({ name: 'study', plural: 'studies', colour: 'second', predictions: byStudy(test) }),
  ];
}

export const labelsOf = (predictions: readonly ScoredImage[]) => predictions.map(({ label }) => label);
export const scoresOf = (predictions: readonly ScoredImage[]) => predictions.map(({ score }) => score);

/** Why there is no ranking of these predictions; null where there is one. */
export function whyNoRanking(predictions: readonly ScoredImage[]): string | null {
  if (scoresOf(predictions).some(Number.isNaN)) return 'some probabilities are not numbers';
  return new Set(labelsOf(predictions)).size < 2 ? 'the set holds one class only' : null;
}

/** Three decimals, or the word for what its definition leaves undefined. */
export const figureOf = (value: number): Markup =>
  Number.isNaN(value) ? html`<span class="absent">undefined</span>` : html`${fixed(value)}`;

/** An interval in words; one that is not the bootstrap's has a mark, which `scoreNote` explains. */
export const rangeOf = ({ low, high, method }: MetricInterval): string =>
  `${fixed(low)} to ${fixed(high)}${method === 'score' ? MARK : ''}`;

const MARK = '\u2020';

/** What the mark says, where one of the intervals has it. */
export function scoreNote(summaries: readonly RegionSummary[]): string | null {
  const intervals = summaries.flatMap(({ intervals }) => Object.values(intervals));
  if (!intervals.some(({ method, low }) => method === 'score' && !Number.isNaN(low))) return null;
  return ` ${MARK} All draws of the bootstrap are alike, as where every answer is right, which says nothing of how sure that is: these are score intervals (Wilson 1927, for AUROC Newcombe 2006) that count each patient once.`;
}

/** A table that scrolls sideways where the screen is narrow. */
export const tableBox = (caption: string, rows: Markup, kind: 'scroll' | 'scroll stack' = 'scroll'): Markup =>
  html`<div class="${kind}" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption>${rows}</table></div>`;

/** A table that on a phone shows each row as a list instead: its cells want a `data-label`, the head of their column. */
export const stackedTable = (caption: string, rows: Markup): Markup =>
  tableBox(caption, rows, 'scroll stack');
