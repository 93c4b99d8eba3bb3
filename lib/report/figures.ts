import { calibrationCurve, rocCurve } from '../train/curves.ts';
import { html, type Markup } from './html.ts';
import { calibrationPlot, intervalPlot, rocPlot, scorePlot } from './plots.ts';
import { fixed } from './summary.ts';
import { labelsOf, scoresOf, type Unit, whyNoRanking } from './units.ts';

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
    html`${keys(units)} Ten bins of one width; a dot's area goes by the number in its bin. On the dashed line probabilities
come true as often as they say. Expected calibration error: ${errors}.`,
  );
}

/** How the probabilities of normal and of abnormal images are spread. */
export function scoreFigure({ predictions }: Unit, threshold: number): Markup {
  const title = 'Distribution';
  const finite = predictions.filter(({ score }) => !Number.isNaN(score));
  if (finite.length === 0) return absent(title, 'no probability is a number');
  const scores = finite.map(({ label, score }) => ({
    truth: label === 1 ? 'abnormal' : 'normal',
    score,
    right: score > threshold === (label === 1),
  }));
  const wrong = scores.filter(({ right }) => !right).length;
  return figure(
    title,
    scorePlot(
      `Histogram of the probabilities of normal and abnormal images; ${wrong} of ${scores.length} lie on the wrong side of the threshold`,
      scores,
      threshold,
    ),
    html`<span class="key good">right</span> <span class="key bad">wrong</span> at the threshold ${fixed(threshold)}, the dashed line; images by their true class.`,
  );
}

/** A metric of each region and of all, with its interval, beside what it is worth without knowing anything. */
export function regionFigure(units: readonly Unit[], metric: 'accuracy' | 'kappa'): Markup {
  const title = metric === 'kappa' ? 'Kappa by region' : 'Accuracy by region';
  const series = units.map(({ name: unit, colour, regions, all }) => ({
    colour,
    rows: [...regions, all]
      .map(({ title: name, metrics, intervals }) => {
        const { low, high } = intervals[metric];
        const value = metrics[metric];
        const title = `${name}, per ${unit}: ${metric} ${fixed(value)} (${fixed(low)} to ${fixed(high)})`;
        return { name, value, low, high, baseline: metric === 'kappa' ? 0 : metrics.majority, title };
      })
      .filter(({ value, low }) => !Number.isNaN(value) && !Number.isNaN(low)),
  }));
  if (series.every(({ rows }) => rows.length === 0)) return absent(title, 'it is undefined in every region');
  const names = [...units[0].regions, units[0].all].map((summary) => summary.title);
  const description = series.flatMap(({ rows }) => rows.map((row) => row.title)).join('; ');
  const baseline = metric === 'kappa' ? 'chance' : 'the majority class';
  return figure(
    title,
    intervalPlot(description, metric, names, series),
    html`${keys(units)} Lines are 95 % intervals, diamonds are ${baseline}.`,
  );
}
