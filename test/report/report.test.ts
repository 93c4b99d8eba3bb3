import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Report, renderReport } from '../../lib/report/page.ts';
import { writeReport } from '../../lib/report/report.ts';
import { fixed, type ScoredImage } from '../../lib/report/summary.ts';
import { byStudy, computeMetrics, metricIntervals } from '../../lib/train/metrics.ts';
import { madeUpHistory, madeUpPredictions, madeUpReport } from './made-up.ts';

const parse = (page: string): Document => parseHTML(page).document;
const textOf = (node: ParentNode | null): string =>
  (node as Element | null)?.textContent?.replace(/\s+/g, ' ').trim() ?? '';
const texts = (root: ParentNode, selector: string): string[] =>
  [...root.querySelectorAll(selector)].map(textOf);

/** What holds for every page: each tag is closed, each link leads somewhere in it, each picture has words, no figure is NaN. */
function openSound(page: string): Document {
  const open: string[] = [];
  for (const [, slash, name, self] of page
    .replace(/<style>.*?<\/style>/gs, '')
    .matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
    if (['meta', 'img', 'br', 'wbr'].includes(name) || self) continue;
    if (slash) assert.is(open.pop(), name, `</${name}> closes what is open`);
    else open.push(name);
  }
  assert.equal(open, []);

  const document = parse(page);
  assert.not.match(
    page,
    /<script|\son\w+=|javascript:|@import|(?:src|href|action|data)="(?!data:image\/png;base64,|#)/i,
  );
  assert.not.match(page.replace(/http-equiv="[^"]*"/, ''), /url\(|https?:\/\/(?!www\.w3\.org)/);
  for (const link of document.querySelectorAll('a')) {
    assert.ok(document.getElementById((link.getAttribute('href') ?? '').slice(1)), link.outerHTML);
  }
  for (const svg of document.querySelectorAll('svg')) {
    assert.is(svg.getAttribute('role'), 'img');
    assert.ok(svg.getAttribute('aria-label'));
    assert.not.match(svg.outerHTML, /NaN|undefined|Infinity/);
  }
  for (const picture of document.querySelectorAll('img')) assert.ok(picture.getAttribute('alt'));
  for (const table of document.querySelectorAll('table')) assert.ok(textOf(table.querySelector('caption')));
  assert.not.match(textOf(document.body), /NaN|Infinity|\[object/);
  return document;
}

const pageOf = (parts: Partial<Report> = {}) => openSound(renderReport(madeUpReport(parts)));

/** The cells of a table's row. */
function rowOf(table: Element, title: string): string[] {
  const row = [...table.querySelectorAll('tr')].find(
    (row) => textOf(row.querySelector('th[scope=row]')) === title,
  );
  return row ? texts(row, 'td') : [];
}

const tableOf = (document: Document, caption: string): Element => {
  const table = [...document.querySelectorAll('table')].find(
    (one) => textOf(one.querySelector('caption')) === caption,
  );
  if (!table) throw new Error(`no table '${caption}' among ${texts(document, 'caption').join(', ')}`);
  return table;
};

test('every figure of the test set is there, per image and per study, by region and over all', () => {
  const report = madeUpReport();
  const document = openSound(renderReport(report));
  for (const [unit, predictions] of [
    ['image', report.test],
    ['study', byStudy(report.test)],
  ] as const) {
    const table = tableOf(document, `Per ${unit}, by region`);
    for (const region of ['elbow', 'wrist', 'all']) {
      const part = predictions.filter((one) => region === 'all' || one.region === region);
      const labels = part.map(({ label }) => label);
      const scores = part.map(({ score }) => score);
      const metrics = computeMetrics(labels, scores, report.threshold);
      const intervals = metricIntervals(part, { threshold: report.threshold });
      const names = ['accuracy', 'auroc', 'sensitivity', 'specificity', 'f1', 'kappa'] as const;
      assert.equal(rowOf(table, region), [
        String(metrics.n),
        fixed(metrics.majority),
        ...names.map(
          (name) =>
            `${fixed(metrics[name])}${fixed(intervals[name].low)} to ${fixed(intervals[name].high)}${intervals[name].method === 'score' ? '\u2020' : ''}`,
        ),
      ]);
    }
    const { confusion, accuracy, majority, kappa } = computeMetrics(
      predictions.map(({ label }) => label),
      predictions.map(({ score }) => score),
      report.threshold,
    );
    const matrix = tableOf(document, `Confusion matrix per ${unit}`);
    assert.equal(texts(matrix, 'td b').map(Number), [
      confusion.trueNegatives,
      confusion.falsePositives,
      confusion.falseNegatives,
      confusion.truePositives,
    ]);
    const card = textOf(document.querySelector(unit === 'image' ? '.card.first' : '.card.second'));
    for (const part of [
      `accuracy ${fixed(accuracy)}`,
      `majority class ${fixed(majority)}`,
      `kappa ${fixed(kappa)}`,
    ]) {
      assert.ok(card.includes(part), `${part} in ${card}`);
    }
    assert.ok(
      card.includes(`${predictions.length} ${unit === 'image' ? 'images' : 'studies'} of 200 patients`),
    );
  }
  assert.not.ok(document.querySelector('.warning'));
});

test('data, settings, machine and history are written out', () => {
  const report = madeUpReport();
  const document = openSound(renderReport(report));
  const data = tableOf(document, 'Images by region, set and class');
  const count = (set: string, region: string, label: number) =>
    report.sets[set].images.filter((one) => one.region === region && one.label === label).length;
  assert.equal(
    rowOf(data, 'hand').map(Number),
    ['train', 'validation', 'test'].flatMap((set) => [count(set, 'hand', 0), count(set, 'hand', 1)]),
  );
  assert.equal(rowOf(data, 'patients'), ['600', '150', '200']);
  assert.match(
    textOf(document.querySelector('#data')),
    /1 broken image was left out: ?.*image2\.png: truncated PNG/,
  );

  const settings = tableOf(document, 'What was asked for');
  for (const [name, value] of [
    ['seed', '0'],
    ['recipe: head', '256, dropout 0.5'],
    ['recipe: schedule: name', 'plateau'],
    ['recipe: batch norm', 'yes'],
    ['pretrained', 'none'],
    ['regions', 'none'],
  ])
    assert.equal(rowOf(settings, name), [value]);
  for (const words of texts(settings, 'th, td'))
    assert.not.match(words, /null|true|false|undefined|[[\]{}]|[a-z][A-Z]/, 'English, not JSON');
  const machine = tableOf(document, 'What it ran on');
  assert.equal(rowOf(machine, 'device'), [report.device]);
  assert.match(rowOf(machine, 'versions')[0], /gradiograph \d+\.\d+\.\d+, Node \d+/);
  assert.equal(rowOf(machine, 'duration'), ['1 h 12 min 1 s']);
  assert.match(rowOf(machine, 'speed of training')[0], /^20\.\d images\/s$/);
  assert.match(rowOf(machine, 'data wait')[0], /^2\.\d %/);

  const figures = [...document.querySelectorAll('#training figure')];
  assert.equal(texts(document, '#training figcaption'), ['Loss', 'Accuracy', 'Kappa', 'AUROC']);
  for (const figure of figures) {
    assert.is(figure.querySelectorAll('svg circle').length, 2 * 14);
    assert.ok(texts(figure, 'svg text').includes('best: epoch 9'));
    const ticks = texts(figure, '[aria-label="x-axis tick label"] text');
    assert.equal(
      ticks.map(Number),
      Array.from({ length: 14 }, (_, i) => i + 1),
    );
  }
  assert.is(tableOf(document, 'Epochs').querySelectorAll('tbody tr').length, 14);
});

test('an ensemble shows the training of each network', () => {
  const network = { history: madeUpHistory(3, 2), best: { epoch: 2 } };
  const document = pageOf({ networks: [network, network] });
  assert.equal(texts(document, '#training h3'), ['Network 1 of 2', 'Network 2 of 2']);
});

test('the threshold marks its place on both ROC curves', () => {
  const perfect = madeUpPredictions('valid', 30, 4).map((one) => ({ ...one, score: 0.25 + 0.5 * one.label }));
  const document = pageOf({ test: perfect, threshold: 0.8, gallery: [] });
  const [roc] = document.querySelectorAll('#curves figure');
  assert.match(
    roc.querySelector('svg')?.getAttribute('aria-label') ?? '',
    /per image 1\.000, per study 1\.000/,
  );
  assert.match(textOf(roc), /per image sensitivity 0\.000, specificity 1\.000; per study sensitivity 0\.000/);
  for (const dot of roc.querySelectorAll('svg circle')) {
    assert.ok(Number(dot.getAttribute('cx')) < 60, 'left');
    assert.ok(Number(dot.getAttribute('cy')) > 300, 'below');
  }
});

test('hostile names are text', () => {
  const evil = `</td><script>alert("1")</script><img src=x onerror='a'>&amp;`;
  const report = madeUpReport();
  const [shown, ...rest] = report.gallery;
  const image = { ...shown.image, path: `${evil}/${evil}`, study: evil };
  const document = openSoundlyEscaped(
    renderReport({
      ...report,
      title: evil,
      device: evil,
      settings: { [evil]: evil, nested: { list: [evil] } },
      broken: [{ path: evil, reason: evil }],
      gallery: [{ ...shown, image }, ...rest],
    }),
  );
  assert.is(document.querySelector('h1')?.textContent, evil);
  assert.is(document.title, evil);
  assert.is(document.querySelector('#data li')?.textContent, `${evil}: ${evil}`);
  assert.is(document.querySelector('#gallery img')?.getAttribute('title'), image.path);
  assert.equal(rowOf(tableOf(document, 'What was asked for'), evil), [evil]);
});

test('escape sequences and line breaks in names are seen, and act on nothing', () => {
  const report = madeUpReport();
  const [shown, ...rest] = report.gallery;
  const path = 'XR_HAND/\x1b]0;owned\x07/\u202etwo\nlines.png';
  const page = renderReport({
    ...report,
    title: path,
    broken: [{ path, reason: path }],
    gallery: [{ ...shown, image: { ...shown.image, path } }, ...rest],
  });
  assert.not.match(page, /[^\P{C}\n]/u);
  const document = parse(page);
  const quoted = "$'XR_HAND/\\x1b]0;owned\\x07/\\u202etwo\\nlines.png'";
  assert.is(document.querySelector('#data .path')?.textContent, quoted);
  assert.is(document.querySelector('#gallery .path')?.textContent, quoted);
});

test('maps of images that were called normal say that they show what spoke for abnormal', () => {
  const sections = textOf(pageOf().querySelector('#gallery')).split(
    /(?=Missed:|False alarms:|Found:|Cleared:)/,
  );
  const saying = sections.map((section) => /do not show what is normal/.test(section));
  assert.equal(saying, [false, true, false, false, true]);
  assert.match(sections[0], /Each map has a scale of its own/);
});

/** As `openSound`, without the search of the text for what a script would look like. */
function openSoundlyEscaped(page: string): Document {
  const document = parse(page);
  assert.is(document.querySelectorAll('script, [onerror]').length, 0);
  assert.is(document.querySelectorAll('img').length, madeUpReport().gallery.length);
  return document;
}

test('a constant predictor is denounced aloud', () => {
  const constant = madeUpPredictions('valid', 40, 5).map((one) => ({ ...one, score: 0.3 }));
  const document = pageOf({ test: constant, gallery: [] });
  assert.match(
    textOf(document.querySelector('[role=alert]')),
    /^Warning: every prediction is 'normal'.*constant predictor/,
  );
  assert.match(textOf(document.querySelector('.card')), /Not more accurate than always answering “normal”/);
  assert.match(textOf(document.querySelector('#gallery')), /No pictures were made/);
});

test("a kappa below chance stands left of chance on its line, and an interval's ends where they are", () => {
  const wrong = madeUpPredictions('valid', 40, 5).map((one, i) => ({
    ...one,
    score: i % 5 === 0 ? one.score : 1 - one.score,
  }));
  for (const card of pageOf({ test: wrong, gallery: [] }).querySelectorAll('.card')) {
    const measure = [...card.querySelectorAll('.measure')].find((one) => textOf(one).startsWith('kappa'));
    const placeOf = (name: string, side: string) =>
      Number(
        new RegExp(`${side}:([\\d.-]+)%`).exec(
          measure?.querySelector(`.${name}`)?.getAttribute('style') ?? '',
        )?.[1],
      );
    const [, kappa, low, high] = (
      /^kappa (-?[\d.]+) (-?[\d.]+) to (-?[\d.]+)/.exec(textOf(measure ?? null)) ?? []
    ).map(Number);
    assert.ok(kappa < 0 && low < kappa && high > low);
    const least = Math.min(0, low);
    const near = (place: number, value: number) =>
      assert.ok(Math.abs(place - (100 * (value - least)) / (1 - least)) < 0.2, `${place}: ${value}`);
    near(placeOf('value', 'left'), kappa);
    near(placeOf('base', 'left'), 0);
    near(placeOf('range', 'left'), low);
    near(100 - placeOf('range', 'right'), high);
  }
});

test('what does not exist is said in words', () => {
  const some = madeUpPredictions('valid', 20, 6);
  const saying = (id: string, words: RegExp, parts: Partial<Report>) =>
    assert.match(textOf(pageOf({ test: some, gallery: [], ...parts }).querySelector(`#${id}`)), words);
  const normal = some.filter(({ label }) => label === 0);

  saying('results', /no test images/, { test: [] });
  saying('curves', /ROC curve ?There is none: the set holds one class only/, { test: normal });
  saying('results', /Every one is normal: accuracy says nothing/, { test: normal });
  saying('regions', /undefined/, { test: normal });
  const lost = some.map((one, i): ScoredImage => (i === 3 ? { ...one, score: Number.NaN } : one));
  saying('results', /1 of \d+ probabilities are not numbers/, { test: lost });
  saying('curves', /Calibration ?There is none: some probabilities are not numbers/, {
    test: lost,
    gallery: [],
  });
  const allLost = some.map((one) => ({ ...one, score: Number.NaN }));
  saying('curves', /Distribution ?There is none: no probability is a number/, { test: allLost });
  saying('results', /no validation set/, { validation: [] });
  saying('results', /1 image of 1 patient(?!s)/, { test: some.slice(0, 1) });

  const history = madeUpHistory(1, 1).map((record) => ({ ...record, validation: null }));
  saying('training', /weights of the last epoch were kept.*There is none for validation/, {
    networks: [{ history, best: null }],
  });
  saying('training', /No epoch was trained/, { networks: [{ history: [], best: null }] });
  saying('machine', /nothing was trained/, { networks: [{ history: [], best: null }] });
  const oneClass = madeUpHistory(3, 1).map((record) => ({
    ...record,
    train: { ...record.train, auroc: Number.NaN },
    validation: { loss: Number.NaN, accuracy: 1, auroc: Number.NaN, kappa: Number.NaN },
  }));
  saying('training', /AUROC ?It is undefined in every epoch/, {
    networks: [{ history: oneClass, best: null }],
  });
  saying('data', /No image was broken/, { broken: [] });
});

test('charts of one value, or of values all alike, still have an axis and their dots', () => {
  const history = madeUpHistory(1, 1).map((record) => ({ ...record, validation: null }));
  const right = madeUpPredictions('valid', 20, 6)
    .filter(({ label }) => label === 0)
    .map((one) => ({ ...one, score: 0 }));
  const document = pageOf({ networks: [{ history, best: null }], test: right, gallery: [] });
  for (const figure of document.querySelectorAll('#training figure')) {
    assert.is(figure.querySelectorAll('svg circle').length, 1);
    assert.ok(figure.querySelectorAll('[aria-label="y-axis tick label"] text').length > 2);
  }
  const [accuracy] = document.querySelectorAll('#regions figure');
  const regions = new Set(right.map(({ region }) => region)).size;
  assert.is(accuracy.querySelectorAll('[aria-label=dot] path, circle').length, 4 * (regions + 1));
  const ticks = texts(accuracy, '[aria-label="x-axis tick label"] text');
  assert.ok(Number(ticks[0]) <= 0.5 && ticks.at(-1) === '1.0', ticks.join(', '));
});

test('writeReport leaves one file, whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradiograph-report-'));
  try {
    await writeReport(join(folder, 'report.html'), madeUpReport());
    assert.equal(readdirSync(folder), ['report.html']);
    openSound(readFileSync(join(folder, 'report.html'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
