import { groupBy } from '../data/split.ts';
import { calibrationCurve, rocCurve } from '../train/curves.ts';
import { html, type Markup } from './html.ts';
import {
  calibrationPlot,
  type IntervalRow,
  intervalPlot,
  rocPlot,
  type ScoreBar,
  scorePlot,
} from './plots.ts';
import { fixed, type ScoredImage } from './summary.ts';
import { labelsOf, rangeOf, scoresOf, type Unit, whyNoRanking } from './units.ts';

const keys = (units: readonly Unit[]) =>
  units.map(({ name, colour }) => html`<span class="key ${colour}">per ${name}</span> `);

const figure = (title: string, plot: Markup, note: Markup): Markup =>
  html`<figure><figcaption>${title}</figcaption>${plot}<p class="note">${note}</p></figure>`;

const absent = (title: string, reason: string): Markup =>
  html`<figure><figcaption>${title}</figcaption><p class="absent">There is none: ${reason}.</p></figure>`;

/** ROC curves with the threshold's operating points. */
export function rocFigure(units: readonly Unit[], threshold: number): Markup {
  const title = 'ROC curve';
  const reason = whyNoRanking(units[0].predictions);
  if (reason) return absent(title, reason);
  const curves = units.map(({ name, colour, predictions, all }) => {
    const { fpr, tpr } = rocCurve(labelsOf(predictions), scoresOf(predictions));
    const { sensitivity, specificity } = all.metrics;
    const operating = `per ${name}, above ${fixed(threshold)}: sensitivity ${fixed(sensitivity)}, specificity ${fixed(specificity)}`;
    return {
      colour,
      points: fpr.map((x, i) => ({ x, y: tpr[i] })),
      operating: { x: 1 - specificity, y: sensitivity, title: operating },
    };
  });
  const areas = units.map(({ name, all }) => `per ${name} ${fixed(all.metrics.auroc)}`).join(', ');
  return figure(
    title,
    rocPlot(
      `ROC curves. Area under the curve ${areas}. ${curves.map(({ operating }) => operating.title).join('; ')}`,
      curves,
    ),
    html`${keys(units)} The dots mark the threshold ${fixed(threshold)}: ${units.map(({ name, all: { metrics } }, i) => `${i > 0 ? '; ' : ''}per ${name} sensitivity ${fixed(metrics.sensitivity)}, specificity ${fixed(metrics.specificity)}`)}. The dashed line is chance.`,
  );
}

/** How often probabilities came true. */
export function calibrationFigure(units: readonly Unit[]): Markup {
  const title = 'Calibration';
  if (scoresOf(units[0].predictions).some(Number.isNaN))
    return absent(title, 'some probabilities are not numbers');
  const curves = units.map(({ name, plural, colour, predictions }) => {
    const { probPred, probTrue, counts } = calibrationCurve(labelsOf(predictions), scoresOf(predictions));
    const points = probPred.map((x, i) => ({
      x,
      y: probTrue[i],
      count: counts[i],
      title: `per ${name}: ${counts[i]} ${plural} of mean probability ${fixed(x)}, ${fixed(probTrue[i])} abnormal`,
    }));
    const error =
      points.reduce((sum, { x, y, count }) => sum + count * Math.abs(x - y), 0) / predictions.length;
    return { name, colour, points, error };
  });
  const errors = curves.map(({ name, error }) => `per ${name} ${fixed(error)}`).join(', ');
  return figure(
    title,
    calibrationPlot(`Calibration. Expected calibration error ${errors}`, curves),
    html`${keys(units)} Ten bins of one width; the more are in a bin, the larger its dot. On the dashed line probabilities
come true as often as they say. Expected calibration error: ${errors}.`,
  );
}

/** Parts that the histogram divides [0, 1] into. */
const BINS = 20;

/** How the probabilities of normal and of abnormal images are spread. */
export function scoreFigure({ predictions }: Unit, threshold: number): Markup {
  const title = 'Distribution';
  const finite = predictions.filter(({ score }) => !Number.isNaN(score));
  if (finite.length === 0) return absent(title, 'no probability is a number');
  const bars = scoreBars(finite, threshold);
  const wrong = bars.reduce((sum, { right, count }) => sum + (right ? 0 : count), 0);
  const lost = predictions.length - finite.length;
  const missing = lost > 0 ? ` ${lost} of ${predictions.length} are not numbers and stand nowhere.` : '';
  return figure(
    title,
    scorePlot(
      `Histogram of the probabilities of normal and abnormal images; ${wrong} of ${finite.length} lie on the wrong side of the threshold`,
      bars,
      threshold,
    ),
    html`<span class="key good">right</span> <span class="key bad">wrong</span> at the threshold ${fixed(threshold)}, the dashed line; images by their true class.${missing}`,
  );
}

/** The predictions counted by truth, side of the threshold and bin; a bin has its lower edge, the last both. */
function scoreBars(predictions: readonly ScoredImage[], threshold: number): ScoreBar[] {
  const binOf = (score: number) => Math.min(Math.max(Math.floor(BINS * score), 0), BINS - 1);
  return [true, false].flatMap((right) =>
    ['abnormal', 'normal'].flatMap((truth) => {
      const isAbnormal = truth === 'abnormal';
      const part = predictions.filter(
        ({ label, score }) => (label === 1) === isAbnormal && score > threshold === (isAbnormal === right),
      );
      const answer = isAbnormal === right ? 'abnormal' : 'normal';
      return [...groupBy(part, ({ score }) => binOf(score))].map(([bin, { length: count }]) => {
        const [from, to] = [bin / BINS, (bin + 1) / BINS];
        const title = `${count} ${truth}, called ${answer}: probability ${from.toFixed(2)} to ${to.toFixed(2)}`;
        return { truth, right, from, to, count, title };
      });
    }),
  );
}

/** A metric of each region and of all, with its interval, beside what it is worth without knowing anything. */
export function regionFigure(units: readonly Unit[], metric: 'accuracy' | 'kappa'): Markup {
  const title = metric === 'kappa' ? 'Kappa by region' : 'Accuracy by region';
  const series = units.map(({ name: unit, colour, regions, all }) => {
    const rows = [...regions, all].map(({ title: name, metrics, intervals }) => {
      const { low, high } = intervals[metric];
      const value = metrics[metric];
      const title = `${name}, per ${unit}: ${metric} ${fixed(value)} (${rangeOf(intervals[metric])})`;
      return { name, value, low, high, baseline: metric === 'kappa' ? 0 : metrics.majority, title };
    });
    const isDefined = ({ value, low }: IntervalRow) => !Number.isNaN(value) && !Number.isNaN(low);
    const missing = rows.filter((row) => !isDefined(row)).map(({ name }) => `${name} per ${unit}`);
    return { colour, rows: rows.filter(isDefined), missing };
  });
  if (series.every(({ rows }) => rows.length === 0)) return absent(title, 'it is undefined in every region');
  const names = [...units[0].regions, units[0].all].map((summary) => summary.title);
  const description = series.flatMap(({ rows }) => rows.map((row) => row.title)).join('; ');
  const baseline = metric === 'kappa' ? 'chance' : 'the majority class';
  const missing = series.flatMap(({ missing }) => missing);
  const undefinedNote = missing.length > 0 ? ` Undefined, and not shown: ${missing.join(', ')}.` : '';
  return figure(
    title,
    intervalPlot(description, metric, names, series),
    html`${keys(units)} Lines are 95 % intervals, diamonds are ${baseline}.${undefinedNote}`,
  );
}
