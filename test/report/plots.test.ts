/** Every chart accounts for all its data: what it draws, read back in the units of its axes, adds up to what it was given. */
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Report, renderReport } from '../../lib/report/page.ts';
import * as plots from '../../lib/report/plots.ts';
import type { ScoredImage } from '../../lib/report/summary.ts';
import { auroc, byStudy, computeMetrics } from '../../lib/train/metrics.ts';
import { madeUpHistory, madeUpPredictions, madeUpReport } from './made-up.ts';

const tested: string[] = [];
/** A test of a chart of `lib/report/plots.ts`. */
const testChart = (name: keyof typeof plots, what: string, run: () => void) => {
  tested.push(name);
  test(`${name}: ${what}`, run);
};

/** The charts of a report, by their titles; networks' charts come in the order of their epochs. */
function chartsOf(parts: Partial<Report>) {
  const { document } = parseHTML(renderReport(madeUpReport({ gallery: [], ...parts })));
  return (title: string): Element => {
    const figures = [...document.querySelectorAll('figure')] as unknown as Element[];
    const figure = figures.find((one) => one.querySelector('figcaption')?.textContent === title);
    if (!figure) throw new Error(`no chart '${title}'`);
    return figure;
  };
}

const shiftOf = (node: Element): number[] =>
  (/translate\(([^)]*)\)/.exec(node.getAttribute('transform') ?? '')?.[1] ?? '0,0').split(',').map(Number);

/** From a place along an axis to its value, by the axis' own labels. */
function axis(chart: Element, name: 'x' | 'y') {
  const labels = [...chart.querySelectorAll(`[aria-label="${name}-axis tick label"] text`)];
  const [first, last] = [labels[0], labels.at(-1) ?? labels[0]].map((label) => ({
    value: Number(label.textContent?.replace('−', '-')),
    place: shiftOf(label)[name === 'x' ? 0 : 1],
  }));
  const unit = (last.value - first.value) / (last.place - first.place);
  return { unit: Math.abs(unit), valueOf: (place: number) => first.value + (place - first.place) * unit };
}

const scoresOf = (predictions: readonly ScoredImage[]) => predictions.map(({ score }) => score);
const number = (node: Element, name: string) => Number(node.getAttribute(name));
const near = (value: number, wanted: number, tolerance = 2e-3) =>
  assert.ok(Math.abs(value - wanted) <= tolerance, `${value}, wants ${wanted}`);

/** The marks of a kind and colour: dots, lines, rules. */
const marks = (chart: Element, kind: string, colour: string, shape: string) =>
  [...chart.querySelectorAll(`[aria-label=${kind}]`)]
    .filter((group) =>
      [group.getAttribute('fill'), group.getAttribute('stroke')].includes(`var(--${colour})`),
    )
    .flatMap((group) => [...group.querySelectorAll(shape)]);

const withScores = (scores: readonly number[]): ScoredImage[] =>
  scores.map((score, i) => ({
    ...madeUpPredictions('valid', 1, 1)[0],
    path: `${i}.png`,
    study: `study${i}`,
    patient: i,
    label: i % 2 === 0 ? 1 : 0,
    score,
  }));
const edges = Array.from({ length: 21 }, (_, i) => [i / 20, i / 20]).flat();
const SETS: Readonly<Record<string, readonly ScoredImage[]>> = {
  'a network of some skill': madeUpPredictions('valid', 200, 1),
  'surest answers only': withScores([0, 1, 0, 1, 1, 0.01, 0.99, 0.049, 0.951, 1]),
  'all at the lower end': withScores([0, 0, 0, 0.001]),
  'all at the upper end': withScores([1, 1, 1, 0.999]),
  'on the edges of the bins': withScores(edges),
};

testChart('scorePlot', 'its bars add up to the images, each in its place and its class', () => {
  for (const [name, predictions] of Object.entries(SETS)) {
    const threshold = 0.42;
    const chart = chartsOf({ test: predictions, threshold })('Distribution');
    const [x, y] = [axis(chart, 'x'), axis(chart, 'y')];
    const facets = [...chart.querySelectorAll('[aria-label="fy-axis tick label"] text')];
    const groups = [...chart.querySelectorAll('[aria-label=rect] > g')];
    for (const label of [0, 1]) {
      const truth = label === 1 ? 'abnormal' : 'normal';
      const images = predictions.filter((one) => one.label === label);
      const facet = facets.findIndex(({ textContent }) => textContent === truth);
      const bars = [...(groups[facet]?.querySelectorAll('rect') ?? [])].map((bar) => ({
        count: number(bar, 'height') * y.unit,
        from: x.valueOf(number(bar, 'x')),
        to: x.valueOf(number(bar, 'x') + number(bar, 'width')),
        right: bar.getAttribute('fill') === 'var(--good)',
        title: bar.textContent,
      }));
      const total = (some: typeof bars) => some.reduce((sum, { count }) => sum + count, 0);
      near(total(bars), images.length);
      for (const bar of bars) {
        const isIn = ({ score }: ScoredImage) =>
          score >= bar.from - 1e-9 && (score < bar.to - 1e-9 || (score === 1 && bar.to > 1 - 1e-9));
        const isRight = ({ score }: ScoredImage) => score > threshold === (label === 1);
        near(bar.count, images.filter((one) => isIn(one) && isRight(one) === bar.right).length);
        assert.ok(
          bar.title?.startsWith(`${Math.round(bar.count)} ${truth}, called `),
          `${name}: ${bar.title}`,
        );
      }
    }
  }
});

testChart('scorePlot', 'what has no place among its bars is counted in words', () => {
  const lost = withScores([0.1, 0.9, Number.NaN, 0.3, Number.NaN]);
  assert.match(chartsOf({ test: lost })('Distribution').textContent ?? '', /2 of 5 are not numbers/);
});

testChart(
  'rocPlot',
  'its curves go from corner to corner, over the area that is their AUROC, through their dots',
  () => {
    for (const predictions of Object.values(SETS)) {
      const threshold = 0.42;
      const chart = chartsOf({ test: predictions, threshold })('ROC curve');
      const [x, y] = [axis(chart, 'x'), axis(chart, 'y')];
      for (const [colour, unit] of [
        ['first', predictions],
        ['second', byStudy(predictions)],
      ] as const) {
        const [labels, scores] = [unit.map(({ label }) => label), scoresOf(unit)];
        const [line] = marks(chart, 'line', colour, 'path');
        const points = [...(line.getAttribute('d') ?? '').matchAll(/([\d.]+),([\d.]+)/g)].map(
          ([, px, py]) => [x.valueOf(Number(px)), y.valueOf(Number(py))],
        );
        const [first, last] = [points[0], points.at(-1) ?? []];
        [first[0], first[1], 1 - last[0], 1 - last[1]].forEach((distance) => {
          near(distance, 0);
        });
        const area = points.slice(1).reduce((sum, [px, py], i) => {
          const [before, height] = points[i];
          return sum + ((px - before) * (py + height)) / 2;
        }, 0);
        near(area, auroc(labels, scores));
        const [dot, ...others] = marks(chart, 'dot', colour, 'circle');
        assert.is(others.length, 0);
        const { sensitivity, specificity } = computeMetrics(labels, scores, threshold);
        near(x.valueOf(number(dot, 'cx')), 1 - specificity);
        near(y.valueOf(number(dot, 'cy')), sensitivity);
      }
    }
  },
);

testChart('rocPlot', 'of two dots at one place both are seen', () => {
  const alone = withScores([0.1, 0.9, 0.8, 0.2, 0.7, 0.3]);
  const chart = chartsOf({ test: alone })('ROC curve');
  const [under, over] = ['first', 'second'].map((colour) => marks(chart, 'dot', colour, 'circle')[0]);
  assert.equal([number(under, 'cx'), number(under, 'cy')], [number(over, 'cx'), number(over, 'cy')]);
  assert.ok(number(under, 'r') - number(over, 'r') >= 2);
});

testChart(
  'calibrationPlot',
  'the counts of its dots add up to n, their scores to the mean, their shares to the abnormal',
  () => {
    for (const predictions of Object.values(SETS)) {
      const chart = chartsOf({ test: predictions })('Calibration');
      const [x, y] = [axis(chart, 'x'), axis(chart, 'y')];
      for (const [colour, unit] of [
        ['first', predictions],
        ['second', byStudy(predictions)],
      ] as const) {
        const dots = marks(chart, 'dot', colour, 'circle').map((dot) => ({
          count: Number(/: (\d+) /.exec(dot.textContent ?? '')?.[1]),
          score: x.valueOf(number(dot, 'cx')),
          share: y.valueOf(number(dot, 'cy')),
          radius: number(dot, 'r'),
        }));
        const total = (value: (dot: (typeof dots)[number]) => number) =>
          dots.reduce((sum, dot) => sum + value(dot), 0);
        assert.is(
          total(({ count }) => count),
          unit.length,
        );
        near(
          total(({ count, score }) => count * score) / unit.length,
          scoresOf(unit).reduce((sum, score) => sum + score, 0) / unit.length,
        );
        near(
          total(({ count, share }) => count * share) / unit.length,
          unit.filter(({ label }) => label === 1).length / unit.length,
        );
        const bySize = [...dots].sort((a, b) => a.count - b.count);
        bySize.slice(1).forEach(({ count, radius }, i) => {
          assert.ok(count > bySize[i].count ? radius > bySize[i].radius : radius === bySize[i].radius);
        });
        assert.ok(bySize[0].radius >= 2, 'no dot is too small to be seen');
      }
    }
  },
);

testChart('epochPlot', 'each epoch has its dot, and one without a value is named', () => {
  const history = madeUpHistory(30, 9).map((record) => {
    const lost = { ...record.validation, loss: Number.POSITIVE_INFINITY, auroc: Number.NaN };
    return [4, 17].includes(record.epoch) ? { ...record, validation: lost as typeof record.train } : record;
  });
  const chart = chartsOf({ networks: [{ history, best: { epoch: 9 } }] });
  for (const [title, name] of [
    ['Loss', 'loss'],
    ['Accuracy', 'accuracy'],
    ['Kappa', 'kappa'],
    ['AUROC', 'auroc'],
  ] as const) {
    const figure = chart(title);
    const [x, y] = [axis(figure, 'x'), axis(figure, 'y')];
    for (const [colour, part] of [
      ['muted', 'train'],
      ['first', 'validation'],
    ] as const) {
      const dots = marks(figure, 'dot', colour, 'circle').map((dot) => ({
        epoch: Math.round(x.valueOf(number(dot, 'cx'))),
        value: y.valueOf(number(dot, 'cy')),
      }));
      const wanted = history.filter((record) => Number.isFinite(record[part]?.[name]));
      assert.equal(
        dots.map(({ epoch }) => epoch),
        wanted.map(({ epoch }) => epoch),
      );
      dots.forEach(({ value }, i) => {
        near(value, wanted[i][part]?.[name] ?? 9, 1e-3);
      });
      const isWhole = wanted.length === history.length;
      const [line] = marks(figure, 'line', colour, 'path');
      assert.is(line.getAttribute('d')?.split('M').length, isWhole ? 2 : 4, 'no line over a gap');
      assert.is(
        /of validation it is undefined or infinite in epoch 4, 17/i.test(figure.textContent ?? ''),
        title === 'Loss' || title === 'AUROC',
      );
    }
  }
});

testChart('intervalPlot', 'each region has value, interval and baseline of both units, or is named', () => {
  // Kappa divides by zero where all are normal and called so.
  const predictions = madeUpPredictions('valid', 60, 3).map(
    (one): ScoredImage => (one.region === 'wrist' ? { ...one, label: 0, score: 0.1 } : one),
  );
  const chart = chartsOf({ test: predictions, threshold: 0.42 });
  for (const metric of ['accuracy', 'kappa'] as const) {
    const figure = chart(metric === 'kappa' ? 'Kappa by region' : 'Accuracy by region');
    const x = axis(figure, 'x');
    const names = [...figure.querySelectorAll('[aria-label="y-axis tick label"] text')].map(
      (label) => label.textContent,
    );
    assert.equal(names, [...[...new Set(predictions.map(({ region }) => region))].sort(), 'all']);
    for (const [colour, unit, all] of [
      ['first', 'image', predictions],
      ['second', 'study', byStudy(predictions)],
    ] as const) {
      const titled = (nodes: Element[]) =>
        new Map(nodes.map((node) => [node.textContent?.split(',')[0], node]));
      const dots = marks(figure, 'dot', colour, 'circle, path');
      const rules = titled(marks(figure, 'rule', colour, 'line'));
      for (const region of names) {
        const part = all.filter((one) => region === 'all' || one.region === region);
        const metrics = computeMetrics(
          part.map(({ label }) => label),
          scoresOf(part),
          0.42,
        );
        const own = dots.filter(({ textContent }) => textContent?.startsWith(`${region},`));
        if (Number.isNaN(metrics[metric])) {
          assert.is(own.length, 0);
          assert.match(figure.textContent ?? '', new RegExp(`not shown:.* ${region} per ${unit}`));
          continue;
        }
        const places = own.map((dot) =>
          x.valueOf(dot.getAttribute('cx') ? number(dot, 'cx') : shiftOf(dot)[0]),
        );
        const wanted = [metric === 'kappa' ? 0 : metrics.majority, metrics[metric]];
        assert.is(places.length, 2, region ?? '');
        places.forEach((place, i) => {
          near(place, wanted[i]);
        });
        const rule = rules.get(region ?? '');
        const [, low, high] = /\((-?[\d.]+) to (-?[\d.]+)\u2020?\)/.exec(rule?.textContent ?? '') ?? [];
        near(x.valueOf(number(rule as Element, 'x1')), Number(low));
        near(x.valueOf(number(rule as Element, 'x2')), Number(high));
      }
    }
  }
});

test('every chart has a test here', () => {
  const charts = Object.keys(plots).filter((name) => name.endsWith('Plot'));
  assert.equal([...new Set(tested)].sort(), charts.sort());
});

test.run();
