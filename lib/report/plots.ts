/**
 * The report's charts, drawn by Observable Plot on a document without a browser. Colours are the page's CSS variables,
 * so that they follow its light and dark look.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { Markup } from './html.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Shown by a browser when the pointer rests on it. */
  readonly title?: string;
}

/** Points in their order, joined by a line. */
export interface Series {
  readonly colour: Colour;
  readonly points: readonly Point[];
}

export type Colour = 'muted' | 'first' | 'second' | 'good' | 'bad';

const { document } = parseHTML('<!doctype html><html></html>');
const FRAME = { width: 400, height: 280, marginLeft: 44, marginRight: 16, marginTop: 26, marginBottom: 42 };
const UNIT = { domain: [0, 1], ticks: 5, tickFormat: '.1f' } as const;
const variable = (colour: Colour) => `var(--${colour})`;
const at = { x: 'x', y: 'y', title: 'title' } as const;

/** @param description what the chart shows, for those who cannot see it */
function draw(description: string, options: Plot.PlotOptions): Markup {
  const svg = Plot.plot({ ...FRAME, ...options, document, style: { fontSize: '13px', background: 'none' } });
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', description);
  return new Markup(svg.outerHTML);
}

const diagonal = () =>
  Plot.line(
    [
      [0, 0],
      [1, 1],
    ],
    { stroke: 'var(--muted)', strokeDasharray: '3 4', strokeWidth: 1 },
  );

/** A measure by epoch, its line broken where the measure is NaN; the epoch of the kept weights is marked. */
export function epochPlot(description: string, series: readonly Series[], best: number | null): Markup {
  const marks = series.flatMap(({ colour, points }) => [
    Plot.line(points, { x: 'x', y: 'y', stroke: variable(colour), strokeWidth: 2 }),
    Plot.dot(points, { ...at, fill: variable(colour), r: 2.5 }),
  ]);
  const points = series.flatMap(({ points }) => points);
  const epochs = Math.max(...points.map(({ x }) => x));
  const values = points.map(({ y }) => y).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = Math.ceil(epochs / 14);
  const room = low === high ? 0.1 : 0;
  const bestMarks =
    best === null
      ? []
      : [
          Plot.ruleX([best], { stroke: 'var(--ink)', strokeDasharray: '2 3' }),
          Plot.text([best], {
            x: (epoch) => epoch,
            frameAnchor: 'top',
            dy: -14,
            text: () => `best: epoch ${best}`,
            fontWeight: 600,
            textAnchor:
              best - 1 > 0.8 * (epochs - 1) ? 'end' : best - 1 < 0.2 * (epochs - 1) ? 'start' : 'middle',
          }),
        ];
  return draw(description, {
    x: {
      label: 'epoch',
      domain: [1, Math.max(2, epochs)],
      ticks: Array.from({ length: Math.ceil(epochs / step) }, (_, i) => 1 + i * step),
      tickFormat: 'd',
      labelArrow: 'none',
    },
    y: { label: null, domain: [low - room, high + room], grid: true, nice: true, ticks: 5 },
    marks: [...bestMarks, ...marks],
  });
}

/** ROC curves, each with the point where the threshold lies. */
export const rocPlot = (
  description: string,
  curves: readonly (Series & { readonly operating: Point })[],
): Markup =>
  draw(description, {
    height: 372,
    x: { ...UNIT, label: 'false positive rate (1 - specificity)', grid: true, labelArrow: 'none' },
    y: { ...UNIT, label: 'true positive rate (sensitivity)', grid: true, labelArrow: 'none' },
    marks: [
      diagonal(),
      ...curves.map(({ colour, points }) =>
        Plot.line(points, { x: 'x', y: 'y', stroke: variable(colour), strokeWidth: 2 }),
      ),
      // Of two at one place both are seen.
      ...curves.map(({ colour, operating }, i) =>
        Plot.dot([operating], {
          ...at,
          r: 7 - 3 * i,
          fill: variable(colour),
          stroke: 'var(--page)',
          strokeWidth: 1,
        }),
      ),
    ],
  });

/** How often a score came true; the greater its `count`, the larger a dot. */
export const calibrationPlot = (
  description: string,
  curves: readonly {
    readonly colour: Colour;
    readonly points: readonly (Point & { readonly count: number })[];
  }[],
): Markup =>
  draw(description, {
    height: 372,
    x: { ...UNIT, label: 'mean predicted probability', grid: true, labelArrow: 'none' },
    y: { ...UNIT, label: 'share abnormal', grid: true, labelArrow: 'none' },
    r: { range: [2, 10] },
    marks: [
      diagonal(),
      ...curves.flatMap(({ colour, points }) => [
        Plot.line(points, { x: 'x', y: 'y', stroke: variable(colour), strokeWidth: 1.5 }),
        Plot.dot(points, { ...at, r: 'count', fill: variable(colour), fillOpacity: 0.7 }),
      ]),
    ],
  });

/** A bar of a histogram: `count` images with a score from `from` to `to`. */
export interface ScoreBar {
  readonly truth: string;
  /** Whether they lie on the right side of the threshold. */
  readonly right: boolean;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly title: string;
}

/** How many normal and abnormal images got which score; on the wrong side of the threshold in another colour. */
export function scorePlot(description: string, bars: readonly ScoreBar[], threshold: number): Markup {
  return draw(description, {
    height: 350,
    marginRight: 80,
    x: { ...UNIT, label: 'predicted probability of abnormal', labelArrow: 'none' },
    y: { label: 'images', grid: true, ticks: 4, labelArrow: 'none' },
    fy: { label: null, padding: 0.15 },
    marks: [
      Plot.rectY(
        bars,
        Plot.stackY<Plot.RectYOptions>({
          ...{ x1: 'from', x2: 'to', fy: 'truth', y: 'count', title: 'title' },
          fill: ({ right }: ScoreBar) => variable(right ? 'good' : 'bad'),
        }),
      ),
      Plot.ruleY([0]),
      Plot.ruleX([threshold], { stroke: 'var(--ink)', strokeDasharray: '2 3' }),
    ],
  });
}

export interface IntervalRow {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** What to compare the value with: a hollow diamond. */
  readonly baseline: number;
  readonly title: string;
}

/** Values from -1 to 1 with their intervals by name, from top to bottom, the series one below the other. */
export function intervalPlot(
  description: string,
  measure: string,
  names: readonly string[],
  series: readonly { readonly colour: Colour; readonly rows: readonly IntervalRow[] }[],
): Markup {
  const marks = series.flatMap(({ colour, rows }, i) => {
    const place = {
      y: 'name',
      title: 'title',
      stroke: variable(colour),
      dy: 10 * (i - (series.length - 1) / 2),
    };
    return [
      Plot.ruleY(rows, { ...place, x1: 'low', x2: 'high', strokeWidth: 2 }),
      Plot.dot(rows, { ...place, x: 'baseline', symbol: 'diamond', r: 3.5 }),
      Plot.dot(rows, { ...place, x: 'value', fill: variable(colour), r: 3.5 }),
    ];
  });
  const least = Math.min(
    0.5,
    ...series.flatMap(({ rows }) => rows.flatMap(({ low, value, baseline }) => [low, value, baseline])),
  );
  return draw(description, {
    height: 64 + 34 * names.length,
    marginTop: 8,
    marginLeft: 76,
    x: { label: measure, domain: [least, 1], grid: true, nice: true, ticks: 5, labelArrow: 'none' },
    y: { label: null, domain: names, tickSize: 0 },
    marks,
  });
}
