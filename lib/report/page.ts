import type { BrokenImage } from '../mura/dataset.ts';
import type { MuraImage } from '../mura/regions.ts';
import { environmentRows } from './environment.ts';
import { calibrationFigure, regionFigure, rocFigure, scoreFigure } from './figures.ts';
import { type GalleryItem, gallerySection } from './gallery.ts';
import { headline } from './headline.ts';
import { html, Markup } from './html.ts';
import { STYLE } from './style.ts';
import type { ScoredImage } from './summary.ts';
import { confusionTable, dataSection, describeSettings, listTable, regionTable } from './tables.ts';
import { type TrainingHistory, trainingSection } from './training.ts';
import { scoreNote, unitsOf } from './units.ts';

/** A set of images that an experiment used. */
export interface ReportSet {
  /** Its images. */
  readonly images: readonly MuraImage[];
}

/** An experiment: what was asked for, what it ran on, and what came out. */
export interface Report {
  /** The heading of the page. */
  readonly title: string;
  /** Everything that the run was asked for, seed included, nested as it likes; written out key by key, in words. */
  readonly settings: object;
  /** Name and description of the device, threads included. */
  readonly device: string;
  /** How long the whole run took. */
  readonly seconds: number;
  /** The images of each set that were used: train, validation and test, in this order. */
  readonly sets: Readonly<Record<string, ReportSet>>;
  /** The images that were left out, with the reason. */
  readonly broken: readonly BrokenImage[];
  /** The network that was trained, or those of an ensemble. */
  readonly networks: readonly TrainingHistory[];
  /** The scores of the validation set; empty where there is none. */
  readonly validation: readonly ScoredImage[];
  /** The scores of the test set. */
  readonly test: readonly ScoredImage[];
  /** Scores above it count as abnormal. */
  readonly threshold: number;
  /** Pictures of the images that `chooseGallery(test, threshold)` gives. */
  readonly gallery: readonly GalleryItem[];
}

/** One page of HTML with everything in it: it asks for no script and nothing from a network, and forbids both. */
export function renderReport(report: Report): string {
  const { title, settings, sets, broken, networks } = report;
  const sections: readonly (readonly [id: string, title: string, content: Markup])[] = [
    ...testSections(report),
    ['training', 'Training', trainingSection(networks)],
    ['data', 'Data', dataSection(sets, broken)],
    ['settings', 'Settings', listTable('What was asked for', describeSettings(settings))],
    [
      'machine',
      'Machine',
      listTable('What it ran on', environmentRows(report.device, report.seconds, networks)),
    ],
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header><h1>${title}</h1>
<p class="note">${report.device}; ${new Date().toISOString().slice(0, 10)}</p>
<nav aria-label="Sections"><ul>${sections.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav></header>
<main>
${sections.map(([id, name, content]) => html`<section id="${id}"><h2>${name}</h2>${content}</section>\n`)}</main>
</body>
</html>
`.text;
}

/** What the test images say. */
function testSections({ test, validation, threshold, gallery }: Report): [string, string, Markup][] {
  if (test.length === 0)
    return [['results', 'Results', html`<p class="absent">There are no test images, and so no results.</p>`]];
  const units = unitsOf(test, threshold);
  return [
    ['results', 'Results', headline(units, validation, threshold)],
    [
      'regions',
      'By region',
      html`<div class="figures">${regionFigure(units, 'accuracy')}${regionFigure(units, 'kappa')}</div>${units.map(regionTable)}<p class="note">Majority is the accuracy of always giving the more frequent answer. Undefined is what would divide by zero, as sensitivity where nothing is abnormal.${scoreNote(units.flatMap(({ regions, all }) => [...regions, all]))}</p>`,
    ],
    [
      'curves',
      'Probabilities',
      html`<div class="figures">${rocFigure(units, threshold)}${calibrationFigure(units)}${scoreFigure(units[0], threshold)}<div>${units.map(confusionTable)}</div></div>`,
    ],
    ['gallery', 'Surest hits and worst misses', gallerySection(gallery, threshold)],
  ];
}
