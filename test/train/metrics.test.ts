import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../lib/errors.ts';
import {
  auroc,
  bestThreshold,
  bootstrapInterval,
  bootstrapIntervals,
  byStudy,
  calibrationCurve,
  cohenKappa,
  computeMetrics,
  confusionMatrix,
  METRICS,
  rocCurve,
} from '../../lib/train/metrics.ts';

interface Case {
  name: string;
  threshold: number;
  labels: number[];
  scores: number[];
  confusion: number[];
  accuracy: number;
  kappa: number | null;
  auroc: number | null;
  sensitivity: number | null;
  specificity: number | null;
  f1: number | null;
  bestKappa: number;
  roc: { fpr: (number | null)[]; tpr: (number | null)[]; thresholds: (number | null)[] };
  calibration: { bins: number; probTrue: number[]; probPred: number[] }[];
}
const cases: Case[] = JSON.parse(readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8'));

/** Equal to 12 decimals; where scikit-learn has no number, `absent` is wanted. */
function same(
  what: string,
  actual: readonly number[],
  recorded: readonly (number | null)[],
  absent = Number.NaN,
) {
  const wanted = recorded.map((value) => value ?? absent);
  const close = actual.every((x, i) => Object.is(x, wanted[i]) || Math.abs(x - wanted[i]) < 1e-12);
  assert.ok(close && actual.length === wanted.length, `${what}: ${actual}, scikit-learn has ${wanted}`);
}

for (const expected of cases) {
  const { labels, scores, threshold } = expected;

  test(`equals scikit-learn: ${expected.name}`, () => {
    const actual = computeMetrics(labels, scores, threshold);
    assert.equal(Object.values(actual.confusion), expected.confusion);
    for (const name of METRICS) same(name, [actual[name]], [expected[name]]);
  });

  test(`curves equal scikit-learn's: ${expected.name}`, () => {
    const { fpr, tpr, thresholds } = rocCurve(labels, scores);
    same('fpr', fpr, expected.roc.fpr);
    same('tpr', tpr, expected.roc.tpr);
    same('thresholds', thresholds, expected.roc.thresholds, Number.POSITIVE_INFINITY);
    for (const { bins, probTrue, probPred } of expected.calibration) {
      const actual = calibrationCurve(labels, scores, bins);
      same(`probTrue of ${bins} bins`, actual.probTrue, probTrue);
      same(`probPred of ${bins} bins`, actual.probPred, probPred);
      assert.is(
        actual.counts.reduce((a, b) => a + b),
        labels.length,
      );
    }
  });

  test(`the best threshold reaches the greatest kappa: ${expected.name}`, () => {
    const chosen = bestThreshold(labels, scores);
    const { kappa } = computeMetrics(labels, scores, chosen);
    if (expected.bestKappa > 0) same('kappa', [kappa], [expected.bestKappa]);
    else assert.is(chosen, 0.5);
  });
}

test('of equally good thresholds the one nearest to 0.5 is chosen, and of two as near the lower', () => {
  assert.is(bestThreshold([0, 1, 0, 1], [0.125, 0.25, 0.375, 0.5]), 0.4375);
  assert.is(bestThreshold([0, 1, 0, 1], [0.25, 0.375, 0.625, 0.75]), 0.3125);
  assert.is(bestThreshold([0, 1, 0, 1], [0.5, 0.625, 0.75, 0.875]), 0.5625);
});

test('a threshold between neighbouring numbers keeps them apart', () => {
  const high = 0.3 + Number.EPSILON / 4;
  const chosen = bestThreshold([0, 1], [0.3, high]);
  assert.ok(high > 0.3 && cohenKappa(confusionMatrix([0, 1], [0.3, high], chosen)) === 1, String(chosen));
});

test('where nothing can be chosen from, the threshold stays', () => {
  for (const [labels, scores] of [
    [[], []],
    [
      [1, 1],
      [0.1, 0.2],
    ],
    [
      [0, 1],
      [0.9, 0.2],
    ],
    [
      [0, 1],
      [0.2, 0.2],
    ],
  ]) {
    assert.is(bestThreshold(labels, scores), 0.5);
  }
});

test('scores that are no probabilities, or no numbers, are an error', () => {
  assert.throws(() => bestThreshold([0, 1], [0.2, Number.NaN]), /bestThreshold: score 1 is NaN/);
  assert.throws(() => rocCurve([0, 1], [Number.NaN, 0.2]), /rocCurve: score 0 is NaN/);
  assert.throws(() => calibrationCurve([0, 1], [0.2, 1.5]), /score 1 is 1.5/);
});

test('a constant predictor is said to have collapsed, and scores no better than the majority', () => {
  const constant = computeMetrics([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4]);
  assert.is(constant.collapsed, true);
  assert.is(constant.kappa, 0);
  assert.is(constant.accuracy, constant.majority);
  assert.is(computeMetrics([0, 1], [0.1, 0.9]).collapsed, false);
});

test('a study scores the mean of its views', () => {
  const view = (study: string, label: number, score: number) => ({ study, label, score, patient: 1 });
  const studies = byStudy([view('a', 1, 0.4), view('b', 0, 0.1), view('a', 1, 0.8)]);
  assert.equal(
    studies.map(({ study, label }) => [study, label]),
    [
      ['a', 1],
      ['b', 0],
    ],
  );
  assert.ok(Math.abs(studies[0].score - 0.6) < 1e-12);
  assert.throws(
    () => byStudy([view('a', 1, 0.4), view('a', 0, 0.4)]),
    (error: Error) => error instanceof ShapeError,
  );
});

test('the interval draws whole patients', () => {
  const kappa = (labels: readonly number[], scores: readonly number[]) =>
    cohenKappa(confusionMatrix(labels, scores));
  const predictions = Array.from({ length: 300 }, (_, i) => ({
    label: i % 2,
    score: i % 10 === 0 ? 1 - (i % 2) : i % 2,
    patient: i,
  }));
  const wide = bootstrapInterval(predictions, kappa);
  // A kappa of 0.8 from 300 independent images: standard error sqrt(0.9 * 0.1 / 300) / 0.5 = 0.035
  assert.ok(Math.abs(wide.low - 0.73) < 0.015 && Math.abs(wide.high - 0.87) < 0.015, JSON.stringify(wide));
  const grouped = predictions.map((prediction) => ({
    ...prediction,
    patient: Math.floor(prediction.patient / 10),
  }));
  const narrow = bootstrapInterval(grouped, kappa);
  assert.ok(narrow.high - narrow.low < 1e-9, 'every patient here has the same share of errors');
  assert.equal(bootstrapInterval(predictions, kappa), wide);
});

test('every metric has the interval that it has alone, at its threshold', () => {
  const predictions = Array.from({ length: 60 }, (_, i) => ({
    label: i % 2,
    score: ((i * 37) % 60) / 60,
    patient: Math.floor(i / 3),
  }));
  const options = { draws: 50, seed: 4 };
  const intervals = bootstrapIntervals(predictions, { threshold: 0.3, ...options });
  for (const name of METRICS) {
    const alone = bootstrapInterval(
      predictions,
      (labels, scores) => computeMetrics(labels, scores, 0.3)[name],
      options,
    );
    assert.equal(intervals[name], alone, name);
    assert.ok(alone.low < alone.high, `${name}: ${JSON.stringify(alone)}`);
  }
  assert.not.equal(bootstrapIntervals(predictions, options).sensitivity, intervals.sensitivity);
});

test('a metric that no draw defines has no interval', () => {
  const healthy = Array.from({ length: 9 }, (_, patient) => ({ label: 0, score: 0.1 * patient, patient }));
  const { auroc, sensitivity, specificity } = bootstrapIntervals(healthy, { draws: 20 });
  assert.ok([auroc.low, auroc.high, sensitivity.low, sensitivity.high].every(Number.isNaN));
  assert.ok(specificity.low < specificity.high);
});

test('labels that are no classes are an error', () => {
  assert.throws(() => computeMetrics([0, 2], [0.1, 0.9]), /label 1 is 2/);
  assert.throws(
    () => computeMetrics([0], [0.1, 0.9]),
    (error: Error) => error instanceof ShapeError,
  );
});

test('a score that is no number makes the area under the curve none, at once', () => {
  assert.ok(Number.isNaN(auroc([0, 1, 1, 0], [0.1, Number.NaN, 0.7, Number.NaN])));
});

test.run();
