import { groupBy } from '../data/split.ts';
import type { BrokenImage } from '../mura/dataset.ts';
import { type MuraImage, REGIONS } from '../mura/regions.ts';
import { printable } from '../printable.ts';
import { METRICS } from '../train/metrics.ts';
import { html, type Markup } from './html.ts';
import { METRIC_TITLES, type RegionSummary } from './summary.ts';
import { figureOf, rangeOf, stackedTable, tableBox, type Unit } from './units.ts';

type Sets = Readonly<Record<string, { readonly images: readonly MuraImage[] }>>;

/** Normal and abnormal images by region and set, studies and patients, and the images that were left out. */
export function dataSection(sets: Sets, broken: readonly BrokenImage[]): Markup {
  const names = Object.keys(sets);
  const lists = Object.values(sets).map(({ images }) => images);
  const present = REGIONS.filter((region) =>
    lists.some((images) => images.some((one) => one.region === region)),
  );
  const classes = (images: readonly MuraImage[], set: number) =>
    (['normal', 'abnormal'] as const).map(
      (truth, label) =>
        html`<td data-label="${names[set]}, ${truth}">${count(images.filter((image) => image.label === label).length)}</td>`,
    );
  const distinct = (title: string, keyOf: (image: MuraImage) => unknown) =>
    html`<tr><th scope="row">${title}</th>${lists.map(
      (images, set) =>
        html`<td colspan="2" data-label="${names[set]}">${count(groupBy(images, keyOf).size)}</td>`,
    )}</tr>`;
  const table = stackedTable(
    'Images by region, set and class',
    html`<thead><tr><th rowspan="2" scope="col">region</th>${names.map(
      (name) => html`<th colspan="2" scope="colgroup">${name}</th>`,
    )}</tr><tr>${names.map(() => html`<th scope="col">normal</th><th scope="col">abnormal</th>`)}</tr></thead>
<tbody>${present.map(
      (region) =>
        html`<tr><th scope="row">${region}</th>${lists.map((images, set) =>
          classes(
            images.filter((one) => one.region === region),
            set,
          ),
        )}</tr>`,
    )}</tbody>
<tfoot><tr class="total"><th scope="row">all</th>${lists.map(classes)}</tr>
${distinct('studies', ({ study }) => study)}${distinct('patients', ({ patient }) => patient)}</tfoot>`,
  );
  return html`${table}${brokenList(broken)}`;
}

const count = (n: number) => n.toLocaleString('en');

function brokenList(broken: readonly BrokenImage[]): Markup {
  if (broken.length === 0) return html`<p>No image was broken.</p>`;
  const noun = broken.length === 1 ? 'image was' : 'images were';
  return html`<p>${count(broken.length)} broken ${noun} left out:</p>
<ul class="paths">${broken.map(({ path, reason }) => html`<li><span class="path">${printable(path)}</span>: ${reason}</li>`)}</ul>`;
}

/** Each region's metrics with their intervals. */
export function regionTable({ name, plural, regions, all }: Unit): Markup {
  const row = ({ title, metrics, intervals }: RegionSummary) =>
    html`<tr><th scope="row">${title}</th><td data-label="${plural}">${count(metrics.n)}</td><td data-label="majority">${figureOf(metrics.majority)}</td>${METRICS.map(
      (metric) => {
        const interval = intervals[metric];
        const range = Number.isNaN(interval.low) ? null : html`<small>${rangeOf(interval)}</small>`;
        return html`<td data-label="${METRIC_TITLES[metric]}">${figureOf(metrics[metric])}${range}</td>`;
      },
    )}</tr>`;
  return stackedTable(
    `Per ${name}, by region`,
    html`<thead><tr><th scope="col">region</th><th scope="col">${plural}</th><th scope="col">majority</th>${METRICS.map(
      (metric) => html`<th scope="col">${METRIC_TITLES[metric]}</th>`,
    )}</tr></thead><tbody>${regions.map(row)}</tbody><tfoot class="total">${row(all)}</tfoot>`,
  );
}

/** Truth by answer, in numbers and in shares of the truth, the darker the more. */
export function confusionTable({ name, plural, all }: Unit): Markup {
  const { trueNegatives, falsePositives, falseNegatives, truePositives } = all.metrics.confusion;
  const row = (truth: string, cells: readonly [n: number, right: boolean][]) => {
    const total = cells[0][0] + cells[1][0];
    return html`<tr><th scope="row">${truth}</th>${cells.map(([n, right]) => {
      const share = total === 0 ? 0 : n / total;
      return html`<td class="${right ? 'right' : 'wrong'}" style="--share:${(100 * share).toFixed(0)}%"><b>${count(n)}</b><small>${
        total === 0 ? 'none there' : `${(100 * share).toFixed(1)} %`
      }</small></td>`;
    })}</tr>`;
  };
  return html`<div class="confusion">${tableBox(
    `Confusion matrix per ${name}`,
    html`<thead><tr><th scope="col">${plural}</th><th scope="col">called normal</th><th scope="col">called abnormal</th></tr></thead><tbody>${row(
      'normal',
      [
        [trueNegatives, true],
        [falsePositives, false],
      ],
    )}${row('abnormal', [
      [falseNegatives, false],
      [truePositives, true],
    ])}</tbody>`,
  )}</div>`;
}

/** Names and values, two columns. */
export const listTable = (
  caption: string,
  rows: readonly (readonly [name: string, value: string])[],
): Markup =>
  html`<div class="list">${tableBox(
    caption,
    html`<tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody>`,
  )}</div>`;

/** Every leaf of nested settings in words: `fineTuning: { layerDecay: null }` is 'fine tuning: layer decay', 'none'. */
export function describeSettings(settings: object, prefix = ''): [name: string, value: string][] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const name = prefix + key.replace(/(?<=[a-z])[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
    const isNested = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isNested ? describeSettings(value, `${name}: `) : [[name, wordsOf(value)]];
  });
}

function wordsOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length > 0 ? value.map(wordsOf).join(', ') : 'none';
  if (typeof value !== 'object') return String(value);
  return describeSettings(value)
    .map(([name, words]) => `${name} ${words}`)
    .join(', ');
}
