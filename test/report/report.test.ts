import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderReport } from '../../lib/report/page.ts';
import { writeReport } from '../../lib/report/report.ts';
import { fixed } from '../../lib/report/summary.ts';
import { byStudy, computeMetrics, metricIntervals } from '../../lib/train/metrics.ts';
import { madeUpHistory, madeUpPredictions, madeUpReport } from './made-up.ts';
import { openSound, pageOf, rowOf, tableOf, textOf, texts } from './open-page.ts';

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
