/** The tables of a study: what each model achieves, region by region, beside what others published. */
import { formatCsv, html, Markup, PUBLISHED_COUNTS, REGIONS, type Region } from '../../lib/node.ts';
import { type Measure, measure, type Unit } from './measures.ts';
import { CAVEATS, PUBLISHED } from './published.ts';
import type { FinishedCell } from './study-cells.ts';

/** One measure of one model of the study. */
export interface Entry extends Measure {
  readonly recipe: string;
  /** What the training started from. */
  readonly start: string;
  /** One model for all regions, or one for each. */
  readonly models: 'unified' | 'specialised';
  readonly seed: number;
}

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const modelsOf = ({ scope }: FinishedCell): Entry['models'] =>
  scope === 'unified' ? 'unified' : 'specialised';

/** Every measure of every cell, and of the seven models of a recipe, where they are there, together. */
export function entriesOf(cells: readonly FinishedCell[]): Entry[] {
  return cells.flatMap((cell) => {
    const { recipe, scope, settings, result } = cell;
    const { seed, pretrained } = settings;
    const start = pretrained === null ? 'from scratch' : `${pretrained} weights`;
    const siblings = cells.filter(
      (other) =>
        other.recipe === recipe && other.settings.seed === seed && modelsOf(other) === modelsOf(cell),
    );
    const isLast = siblings.length === REGIONS.length && siblings.at(-1) === cell;
    const own = result.measures.filter(({ region }) => scope === 'unified' || region !== 'all');
    const measures = isLast ? [...own, ...pool(siblings)] : own;
    return measures.map((one) => ({ recipe, start, models: modelsOf(cell), seed, ...one }));
  });
}

/**
 * The answers of several models together, each at its own threshold: scores are moved so that all thresholds are 0.5.
 * They have no common order then, and so no AUROC.
 */
function pool(cells: readonly FinishedCell[]): Measure[] {
  const moved = cells.flatMap(({ test, result }) =>
    test.map((image) => ({ ...image, score: image.score - result.threshold + 0.5 })),
  );
  return measure(moved, 0.5)
    .filter(({ region }) => region === 'all')
    .map((one) => ({ ...one, auroc: null }));
}

const fixed = (value: number | null) => (value === null ? '-' : value.toFixed(3).replace(/^-(0\.0+)$/, '$1'));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A metric of a model over its seeds, in lines: with its interval where there is one seed, else with the seeds' range. */
function cell(entries: readonly Entry[], metric: 'kappa' | 'accuracy'): string {
  const values = entries.flatMap(({ [metric]: value }) => (value === null ? [] : [value]));
  if (values.length === 0) return entries.length > 0 ? '-' : '';
  const [low, high] =
    entries.length === 1 ? entries[0][`${metric}Interval`] : [Math.min(...values), Math.max(...values)];
  const mark = entries.some(({ collapsed }) => collapsed) ? ['one class only'] : [];
  return [fixed(mean(values)), `${fixed(low)} to ${fixed(high)}`, ...mark].join('\n');
}

/** A table of one metric: a row a region, a column a model, and for kappa per study the published ones. */
function tableOf(entries: readonly Entry[], metric: 'kappa' | 'accuracy', unit: Unit): Table {
  const own = entries.filter((entry) => entry.unit === unit);
  const columnOf = ({ recipe, start, models }: Entry) => `${recipe} ${start}, ${models}`;
  const columns = [...new Set(own.map(columnOf))];
  const regions = [...REGIONS, 'all'].filter((region) => own.some((entry) => entry.region === region));
  const published = PUBLISHED.filter((figure) => figure.metric === metric && figure.unit === unit);
  const plural = unit === 'image' ? 'images' : 'studies';
  return {
    title: `${metric === 'kappa' ? "Cohen's kappa" : 'Accuracy'} per ${unit}`,
    header: ['region', plural, 'majority class', ...columns, ...published.map(({ title }) => title)],
    rows: regions.map((region) => {
      const here = own.filter((entry) => entry.region === region);
      return [
        region,
        String(here[0].n),
        metric === 'kappa' ? fixed(0) : fixed(here[0].majority),
        ...columns.map((column) =>
          cell(
            here.filter((entry) => columnOf(entry) === column),
            metric,
          ),
        ),
        ...published.map(({ values }) => fixed(values[region as keyof typeof values])),
      ];
    }),
  };
}

export const tablesOf = (entries: readonly Entry[]): Table[] => [
  tableOf(entries, 'kappa', 'study'),
  tableOf(entries, 'accuracy', 'study'),
  tableOf(entries, 'kappa', 'image'),
  tableOf(entries, 'accuracy', 'image'),
];

/** Whether the test images of every region are as many as those of MURA v1.1. */
const isMura = (entries: readonly Entry[]): boolean =>
  entries.every(({ unit, region, n }) => {
    const published = PUBLISHED_COUNTS.valid[region as Region];
    return unit === 'study' || !published || n === published[0] + published[1];
  });

/** What must be known to read the tables. */
export const notesOf = (entries: readonly Entry[]): string[] => {
  const other =
    'These are not the test images of MURA v1.1: they are of another number. The published figures stand beside them to show the form of the table, and compare with nothing here.';
  const seeds = new Set(entries.map(({ seed }) => seed)).size;
  return [
    ...(isMura(entries) ? [] : [other]),
    'Test images are those of the official valid split; thresholds were chosen on validation images, which are a fifth of the official train split, of other patients.',
    `Below a figure: ${seeds === 1 ? '95 % intervals over patients, by bootstrap, and where all its draws are alike by score (Wilson 1927)' : `the range over ${seeds} seeds`}. "Majority class" is what always giving the more frequent answer achieves; "one class only" marks a model that does just that.`,
    'A unified model has learnt all regions, a specialised one its own; "all" of the specialised ones are the answers of the seven together.',
    ...PUBLISHED.map(
      ({ title, metric, unit, on, source, comparable }) =>
        `"${title}" is ${metric} per ${unit} on ${on}${comparable ? '' : ', which is another set than ours'}: ${source}.`,
    ),
    ...CAVEATS,
  ];
};

export function toMarkdown(title: string, tables: readonly Table[], notes: readonly string[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ').replaceAll('\n', '<br>')} |`;
  const blocks = tables.map(({ title, header, rows }) =>
    [
      `## ${title}`,
      '',
      line(header),
      line(header.map((_, i) => (i === 0 ? '---' : '---:'))),
      ...rows.map(line),
    ].join('\n'),
  );
  return `# ${title}\n\n${notes.map((note) => `- ${note}`).join('\n')}\n\n${blocks.join('\n\n')}\n`;
}

/** Every entry, a row each. */
export function toCsv(entries: readonly Entry[]): Promise<string> {
  const rows = entries.map(({ accuracyInterval, kappaInterval, ...entry }) => ({
    ...entry,
    accuracy_low: accuracyInterval[0],
    accuracy_high: accuracyInterval[1],
    kappa_low: kappaInterval[0],
    kappa_high: kappaInterval[1],
  }));
  return formatCsv(rows);
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentcolor 20%, transparent); padding: 0.35rem 0.75rem; text-align: right; vertical-align: top; }
small { opacity: 0.75; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tbody tr:last-child { font-weight: 600; }
`;

/** The first line of a cell, and the others smaller below it. */
const lines = (cell: string) => {
  const [figure, ...rest] = cell.split('\n');
  return html`${figure}${rest.map((line) => html`<br><small>${line}</small>`)}`;
};

/** One self-contained page. */
export function toHtml(title: string, tables: readonly Table[], notes: readonly string[]): string {
  const sections = tables.map(
    ({ title, header, rows }) => html`<section><h2>${title}</h2><div><table>
<thead><tr>${header.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${lines(cell)}</td>`)}</tr>\n`)}</tbody>
</table></div></section>\n`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<h1>${title}</h1>
<ul>${notes.map((note) => html`<li>${note}</li>\n`)}</ul>
${sections}</body>
</html>
`.text;
}
