import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Region } from '../../lib/mura/regions.ts';
import { describePredictions, type ScoredImage, summarizeRegions } from '../../lib/report/summary.ts';
import { formatTable } from '../../lib/report/table.ts';
import { metricIntervals } from '../../lib/train/metrics.ts';

/** Two views a study, a study a patient; every second patient is abnormal. */
const predictions = (score: (patient: number, label: number) => number, region: Region = 'hand') =>
  Array.from({ length: 40 }, (_, i): ScoredImage => {
    const patient = i >> 1;
    const label = patient % 2 === 1 ? 1 : 0;
    return {
      path: '',
      split: 'valid',
      region,
      patient,
      study: `${region}${patient}`,
      label,
      score: score(i, label),
    };
  });

test('units, baseline and interval are named in the last two lines', () => {
  const report = describePredictions(
    'test',
    predictions((i, label) => (i === 0 ? 0.9 : label * 0.8 + 0.1)),
  );
  assert.equal(report.split('\n').slice(-2), [
    'test, per image: n 40, accuracy 0.975 (majority class 0.500), kappa 0.950 (95 % interval over patients 0.833 to 1.000)',
    'test, per study: n 20, accuracy 1.000 (majority class 0.500), kappa 1.000 (95 % score interval over patients 0.678 to 1.000)',
  ]);
  assert.not.match(report, /arning/i);
});

test('a constant predictor is denounced, for the whole or for a region', () => {
  assert.match(
    describePredictions(
      'test',
      predictions(() => 0.2),
    ),
    /WARNING: every prediction is 'normal'/,
  );
  const mixed = [...predictions((_, label) => label), ...predictions(() => 0.7, 'wrist')];
  assert.match(describePredictions('test', mixed), /predictions are of one class in: wrist\n/);
});

test('a threshold from validation decides for images and studies alike', () => {
  const scored = predictions((i, label) => (i === 0 ? 0.15 : 0.2 * label + 0.1));
  assert.match(describePredictions('test', scored), /every prediction is 'normal'/);
  const report = describePredictions('test', scored, 0.14).split('\n');
  assert.match(
    report[0],
    /^per image +n +majority class +accuracy +AUROC +sensitivity +specificity +F1 +kappa$/,
  );
  assert.match(report[2], /^hand +40 +0\.500 +0\.975 +1\.000 +1\.000 +0\.950 +0\.976 +0\.950$/);
  assert.is(report[3], report[2].replace('hand', 'all '));
  assert.ok(report.includes('abnormal: a score above 0.140'));
  const { low, high } = metricIntervals(scored, { threshold: 0.14 }).kappa;
  assert.ok(report[report.length - 2].endsWith(`over patients ${low.toFixed(3)} to ${high.toFixed(3)})`));
  assert.match(report[report.length - 1], /per study: n 20, accuracy 1\.000/);
});

test('regions are summed up with their intervals, all of them last', () => {
  const two = [...predictions((_, label) => label), ...predictions((i) => i / 40, 'wrist')];
  const [hand, wrist, all] = summarizeRegions(two, 0.3);
  assert.equal(
    [hand, wrist, all].map(({ title }) => title),
    ['hand', 'wrist', 'all'],
  );
  assert.ok(
    hand.intervals.kappa.low < 0.75 && hand.intervals.kappa.high === 1,
    'no certainty from 20 patients',
  );
  assert.is(all.metrics.n, 80);
  const part = two.slice(40);
  assert.equal(wrist.intervals, metricIntervals(part, { threshold: 0.3 }));
});

test('no prediction at all makes a table of dashes, and no warning', () => {
  const report = describePredictions('test', []);
  assert.match(report, /^all +0( +-){7}$/m);
  assert.not.match(report, /arning/i);
});

test('tables are aligned', () => {
  const table = formatTable([
    ['', 'n'],
    ['hand', '1'],
    ['all', '100'],
  ]);
  assert.is(table, ['        n', '---------', 'hand    1', 'all   100'].join('\n'));
});

test.run();
