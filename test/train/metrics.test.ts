import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../lib/errors.ts';
import {
  auroc,
  bootstrapInterval,
  byStudy,
  cohenKappa,
  computeMetrics,
  confusionMatrix,
} from '../../lib/train/metrics.ts';

interface Case {
  name: string;
  labels: number[];
  scores: number[];
  confusion: number[];
  accuracy: number;
  kappa: number | null;
  auroc: number | null;
  sensitivity: number | null;
  specificity: number | null;
  f1: number | null;
}
const cases: Case[] = JSON.parse(readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8'));

for (const expected of cases) {
  test(`equals scikit-learn: ${expected.name}`, () => {
    const actual = computeMetrics(expected.labels, expected.scores);
    assert.equal(Object.values(actual.confusion), expected.confusion);
    for (const name of ['accuracy', 'kappa', 'auroc', 'sensitivity', 'specificity', 'f1'] as const) {
      const wanted = expected[name] ?? Number.NaN;
      const close = Object.is(actual[name], wanted) || Math.abs(actual[name] - wanted) < 1e-12;
      assert.ok(close, `${name}: ${actual[name]}, scikit-learn has ${wanted}`);
    }
  });
}

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
