import type { EpochMetrics, EpochRecord } from '../train/fit.ts';
import { html, type Markup } from './html.ts';
import { epochPlot, type Point } from './plots.ts';
import { figureOf, stackedTable } from './units.ts';

/** How a network came to be; a `FitResult` is one. */
export interface TrainingHistory {
  /** The epochs that were trained to their end, in their order. */
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights were kept; null where no validation chose one. */
  readonly best: {
    /** Counted from 1. */
    readonly epoch: number;
  } | null;
}

const MEASURES: readonly (readonly [name: keyof EpochMetrics, title: string])[] = [
  ['loss', 'Loss'],
  ['accuracy', 'Accuracy'],
  ['kappa', 'Kappa'],
  ['auroc', 'AUROC'],
];

/** Loss, accuracy, kappa and AUROC by epoch, of each network. */
export function trainingSection(networks: readonly TrainingHistory[]): Markup {
  return html`${networks.map(
    (network, i) =>
      html`${networks.length > 1 ? html`<h3>Network ${i + 1} of ${networks.length}</h3>` : null}${curves(network)}`,
  )}`;
}

function curves({ history, best }: TrainingHistory): Markup {
  if (history.length === 0) return html`<p class="absent">No epoch was trained to its end.</p>`;
  const kept = best
    ? `The weights of epoch ${best.epoch} of ${history.length} were kept: the least validation loss.`
    : `${
        history.every(({ validation }) => validation === null)
          ? 'There was no validation'
          : 'No epoch had a finite validation loss'
      } to choose by: the weights of the last epoch were kept.`;
  return html`<p>${kept} <span class="key muted">training</span> is over the batches as they were trained on,
augmented and in training mode; <span class="key first">validation</span> is over untouched images. Accuracy and kappa are those at 0.5.</p>
<div class="figures">${MEASURES.map(([name, title]) => figure(name, title, history, best?.epoch ?? null))}</div>
<details><summary>Every epoch in figures</summary>${epochTable(history)}</details>`;
}

function figure(
  name: keyof EpochMetrics,
  title: string,
  history: readonly EpochRecord[],
  best: number | null,
): Markup {
  const points = (part: 'train' | 'validation') =>
    history.flatMap(({ epoch, [part]: metrics }) => {
      const y = metrics?.[name];
      return y === undefined
        ? []
        : { x: epoch, y: Number.isFinite(y) ? y : Number.NaN, title: titleOf(epoch, y) };
    });
  const [train, validation] = [points('train'), points('validation')];
  const isThere = ({ y }: Point) => !Number.isNaN(y);
  if (![...train, ...validation].some(isThere))
    return html`<figure><figcaption>${title}</figcaption><p class="absent">It is undefined in every epoch.</p></figure>`;
  const last = validation.filter(isThere).at(-1);
  const description = `${title} by epoch${last ? `; of validation in epoch ${last.x} ${last.y.toFixed(3)}` : ''}`;
  const plot = epochPlot(
    description,
    [
      { colour: 'muted', points: train },
      { colour: 'first', points: validation },
    ],
    best,
  );
  const notes = [
    gapNote('training', train),
    validation.length === 0 ? 'There is none for validation.' : gapNote('validation', validation),
  ].flatMap((note) => note ?? []);
  return html`<figure><figcaption>${title}</figcaption>${plot}${notes.map((note) => html`<p class="absent">${note}</p>`)}</figure>`;
}

const titleOf = (epoch: number, value: number) => `epoch ${epoch}: ${value.toFixed(4)}`;

/** The epochs without a dot; null where each has one. */
function gapNote(part: string, points: readonly Point[]): string | null {
  const gaps = points.filter(({ y }) => Number.isNaN(y)).map(({ x }) => x);
  return gaps.length > 0 ? `Of ${part} it is undefined or infinite in epoch ${gaps.join(', ')}.` : null;
}

function epochTable(history: readonly EpochRecord[]): Markup {
  const cells = (part: string, metrics: EpochMetrics | null) =>
    MEASURES.map(
      ([name, title]) =>
        html`<td data-label="${part} ${title}">${metrics ? figureOf(metrics[name]) : 'none'}</td>`,
    );
  const head = MEASURES.map(([, title]) => html`<th scope="col">${title}</th>`);
  return stackedTable(
    'Epochs',
    html`<thead><tr><th rowspan="2" scope="col">epoch</th><th colspan="4" scope="colgroup">training</th><th colspan="4" scope="colgroup">validation</th>
<th rowspan="2" scope="col">learning rate</th><th rowspan="2" scope="col">images/s</th><th rowspan="2" scope="col">data wait</th></tr><tr>${head}${head}</tr></thead>
<tbody>${history.map(
      ({ epoch, train, validation, lr, imagesPerSecond, dataWait }) =>
        html`<tr><th scope="row">${epoch}</th>${cells('training', train)}${cells('validation', validation)}<td data-label="learning rate">${lr.toPrecision(3)}</td><td data-label="images/s">${imagesPerSecond.toFixed(1)}</td><td data-label="data wait">${(100 * dataWait).toFixed(1)} %</td></tr>`,
    )}</tbody>`,
  );
}
