/** What a model achieves, as figures that can be written down and read again. */
import { metrics, type ScoredImage, summarizeRegions } from '../../lib/node.ts';

export type Unit = 'image' | 'study';

/** 95 %, over patients: by bootstrap, and where all its draws are alike a score interval. */
export type Interval = readonly [low: number | null, high: number | null];

/** Figures of one region, or of 'all', per image or per study; null where a definition divides by zero. */
export interface Measure {
  readonly unit: Unit;
  readonly region: string;
  readonly n: number;
  readonly accuracy: number;
  readonly accuracyInterval: Interval;
  /** The accuracy of always answering the more frequent class. */
  readonly majority: number;
  readonly kappa: number | null;
  readonly kappaInterval: Interval;
  readonly auroc: number | null;
  readonly sensitivity: number | null;
  readonly specificity: number | null;
  /** Whether all predictions are of one class. */
  readonly collapsed: boolean;
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

const ends = ({ low, high }: metrics.Interval): Interval => [orNull(low), orNull(high)];

/** Each region and all of them at a threshold, first per image, then per study. */
export function measure(scored: readonly ScoredImage[], threshold: number): Measure[] {
  const units = { image: scored, study: metrics.byStudy(scored) };
  return (['image', 'study'] as const).flatMap((unit) =>
    summarizeRegions(units[unit], threshold).map(({ title, metrics: m, intervals }) => ({
      unit,
      region: title,
      n: m.n,
      accuracy: m.accuracy,
      accuracyInterval: ends(intervals.accuracy),
      majority: m.majority,
      kappa: orNull(m.kappa),
      kappaInterval: ends(intervals.kappa),
      auroc: orNull(m.auroc),
      sensitivity: orNull(m.sensitivity),
      specificity: orNull(m.specificity),
      collapsed: m.collapsed,
    })),
  );
}
