import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { METRICS, metricIntervals } from '../../lib/train/metrics.ts';
import { aurocInterval, type Interval, wilsonInterval } from '../../lib/train/score-intervals.ts';

const near = ({ low, high }: Interval, wanted: readonly [number, number]) =>
  assert.ok(
    Math.abs(low - wanted[0]) < 1e-9 && Math.abs(high - wanted[1]) < 1e-9,
    `${low} to ${high}, wants ${wanted.join(' to ')}`,
  );

test("Wilson's interval is SciPy's", () => {
  // scipy.stats.binomtest(k, n).proportion_ci(method='wilson')
  near(wilsonInterval(20 / 20, 20), [0.8388748419, 1]);
  near(wilsonInterval(7 / 10, 10), [0.3967781475, 0.8922087326]);
  near(wilsonInterval(0 / 5, 5), [0, 0.4344824648]);
  near(wilsonInterval(1, 1), [0.2065493144, 1]);
  near(wilsonInterval(49 / 50, 50), [0.8950455641, 0.9964607407]);
});

test("Newcombe's interval of an AUROC is where SciPy's brentq finds its ends", () => {
  near(aurocInterval(1, 10, 12), [0.8159170107, 1]);
  near(aurocInterval(0.8, 30, 20), [0.6433456145, 0.8941462417]);
  near(aurocInterval(0.5, 5, 5), [0.2056130573, 0.7943869427]);
  near(aurocInterval(0, 12, 10), [0, 1 - 0.8159170107]);
});

/** Two images a patient, every second patient abnormal. */
const images = (patients: number, score: (label: number) => number) =>
  Array.from({ length: 2 * patients }, (_, i) => {
    const patient = i >> 1;
    return { patient, label: patient % 2, score: score(patient % 2) };
  });

test('whoever is right about every one of 20 patients, or gives all of them one answer, has not shown certainty', () => {
  for (const score of [
    (label: number) => 0.1 + 0.8 * label,
    (label: number) => 0.9 - 0.8 * label,
    () => 0.3,
  ]) {
    const few = metricIntervals(images(20, score));
    const many = metricIntervals(images(2000, score), { draws: 50 });
    for (const name of METRICS) {
      const [some, less] = [few, many].map((intervals) => intervals[name].high - intervals[name].low);
      assert.ok(some > 0.05 && some < 1, `${name}: ${JSON.stringify(few[name])}`);
      assert.ok(less > 0 && less < some / 3, `${name} of many patients: ${JSON.stringify(many[name])}`);
      assert.ok(few[name].low >= -1 && few[name].high <= 1);
    }
  }
  const { accuracy, sensitivity, kappa } = metricIntervals(images(20, (label) => label));
  near(accuracy, [0.8388748419, 1]);
  near(sensitivity, [wilsonInterval(1, 10).low, 1]);
  near(kappa, [2 * 0.8388748419 - 1, 1]);
});

test('where draws differ the interval is the bootstrap; what is undefined has none', () => {
  const some = images(20, (label) => label).map((one, i) => (i < 4 ? { ...one, score: 1 - one.score } : one));
  assert.is(metricIntervals(some).accuracy.method, 'bootstrap');
  const healthy = images(20, () => 0).filter(({ label }) => label === 0);
  const { sensitivity, specificity } = metricIntervals(healthy);
  assert.ok(Number.isNaN(sensitivity.low) && Number.isNaN(sensitivity.high));
  assert.ok(specificity.low < 1 && specificity.high === 1);
});

test.run();
