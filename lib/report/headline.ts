import {
  byStudy,
  computeMetrics,
  type Interval,
  type MetricInterval,
  type MetricName,
} from '../train/metrics.ts';
import { html, type Markup } from './html.ts';
import { collapseWarning, fixed, METRIC_TITLES, type ScoredImage } from './summary.ts';
import { figureOf, labelsOf, rangeOf, scoreNote, scoresOf, type Unit } from './units.ts';

/** Accuracy, kappa and AUROC per image and per study, what they are worth, and every reason not to trust them. */
export function headline(
  units: readonly Unit[],
  validation: readonly ScoredImage[],
  threshold: number,
): Markup {
  return html`
${warnings(units[0].predictions, threshold)}
<div class="cards">${units.map(card)}</div>
<p>${thresholdNote(validation, threshold)} A study's probability is the mean of its views'. Intervals are 95 % bootstrap
intervals that draw whole patients, since one patient's images are not independent.${scoreNote(units.map(({ all }) => all))}</p>`;
}

function warnings(test: readonly ScoredImage[], threshold: number): Markup[] {
  const broken = scoresOf(test).filter(Number.isNaN).length;
  const collapse = collapseWarning(test, threshold);
  const notNumbers = `${broken} of ${test.length} probabilities are not numbers. They count as normal; no figure here can be trusted.`;
  const texts = [...(broken > 0 ? [notNumbers] : []), ...(collapse ? [collapse.text] : [])];
  return texts.map((text) => html`<p class="warning" role="alert">Warning: ${text}</p>`);
}

function card(unit: Unit): Markup {
  const { metrics, intervals } = unit.all;
  const patients = new Set(unit.predictions.map(({ patient }) => patient)).size;
  const line = (name: MetricName, baseline: number, baselineName: string) => html`
<div class="measure"><dt>${METRIC_TITLES[name]}</dt>
<dd><b>${figureOf(metrics[name])}</b> ${intervalOf(intervals[name])}
${scale(metrics[name], intervals[name], baseline)}
<span class="baseline">${baselineName} ${fixed(baseline)}</span></dd></div>`;
  return html`<section class="card ${unit.colour}"><h3>Per ${unit.name}</h3>
<p class="n">${counted(metrics.n, unit.name, unit.plural)} of ${counted(patients, 'patient', 'patients')}</p>
<dl>${line('accuracy', metrics.majority, 'majority class')}${line('kappa', 0, 'chance')}${line('auroc', 0.5, 'chance')}</dl>
<p class="verdict">${verdict(unit)}</p></section>`;
}

const counted = (n: number, one: string, many: string) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

const intervalOf = (interval: MetricInterval): Markup | null =>
  Number.isNaN(interval.low) ? null : html`<span class="interval">${rangeOf(interval)}</span>`;

/** A line from 0, or from where it is less, to 1 with the value, its interval and what it is to be compared with. */
function scale(value: number, { low, high }: Interval, baseline: number): Markup | null {
  if (Number.isNaN(value) || Number.isNaN(low)) return null;
  const least = Math.min(0, low, value);
  const percent = (x: number) => ((100 * (x - least)) / (1 - least)).toFixed(1);
  return html`<span class="scale" aria-hidden="true"><i class="range" style="left:${percent(low)}%;right:${percent(least + 1 - high)}%"></i><i
class="base" style="left:${percent(baseline)}%"></i><i class="value" style="left:${percent(value)}%"></i></span>`;
}

/** Whether the accuracy is more than the majority class gives away. */
function verdict({ all, predictions }: Unit): string {
  const { accuracy, majority } = all.metrics;
  const abnormal = labelsOf(predictions).filter((label) => label === 1).length;
  const answer = 2 * abnormal > predictions.length ? 'abnormal' : 'normal';
  const rival = `always answering “${answer}”`;
  if (majority === 1) return `Every one is ${answer}: accuracy says nothing about telling them apart.`;
  if (accuracy <= majority) return `Not more accurate than ${rival}.`;
  if (all.intervals.accuracy.low <= majority)
    return `More accurate than ${rival}, but its interval does not rule out that this is luck.`;
  return `More accurate than ${rival}, at the lower end of its interval too.`;
}

function thresholdNote(validation: readonly ScoredImage[], threshold: number): Markup {
  const rule = html`A probability above <b>${fixed(threshold)}</b> counts as abnormal.`;
  if (validation.length === 0)
    return html`${rule} There is no validation set that it could have been chosen on.`;
  const [image, study] = [validation, byStudy(validation)].map((predictions) =>
    computeMetrics(labelsOf(predictions), scoresOf(predictions), threshold),
  );
  return html`${rule} On the ${validation.length.toLocaleString('en')} validation images this threshold gives accuracy
${figureOf(image.accuracy)} and kappa ${figureOf(image.kappa)}, per study ${figureOf(study.accuracy)} and ${figureOf(study.kappa)}.`;
}
