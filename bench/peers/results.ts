/** RESULTS.md: who ran, every figure, and what could not be done. */
import { digits, percent } from '../measure/statistics.ts';
import {
  type Contestant,
  cellOf,
  gflopsOf,
  isMeasured,
  type MatchRecord,
  type Measured,
  type Row,
} from './record.ts';
import { flops, nameOf } from './task.ts';

/** @param chart file name of the chart, beside the page */
export function writeResults(record: MatchRecord, chart: string): string {
  const { conditions, starts, seconds, contestants } = record;
  const { machine, threads, size } = conditions;
  return `# Ours and theirs

Written by \`npm run bench:peers\`, begun ${starts.join(' and ')} UTC, ${(seconds / 60).toFixed(0)} minutes in all.
${machine}; ${threads} threads for each contestant that has threads; images of ${size}x${size}.

Contestants take turns within each row; figures are medians, with half the distance between the quartiles. \`2.0x\` says that the
first column's is twice as fast, \`0.5x\` that the other is. All have the same time: ¹ had time for one run after the first call,
² for that first call alone, and "not done in 9 s" for none. Results of kernels are compared: all agree in their root mean square
within 0.1 %, or the cell says so.

![Ours and theirs](${chart})

## Who

${contestants.map(who).join('\n')}

ONNX Runtime has its weights as constants of the model, which it may rearrange beforehand. The networks of tfjs and jax-js are written
in their own operations. The other libraries' JavaScript runs on the Node of the first column.

${tables(record, 'machine')}${tables(record, 'browser')}`;
}

function who({ name, hello }: Contestant): string {
  return `- **${name}**: ${typeof hello === 'string' ? hello : `${hello.version}; ${hello.detail}`}`;
}

const PLACES = { machine: '', browser: ', in Chromium' };

function tables({ contestants, rows }: MatchRecord, place: Contestant['place']): string {
  const present = contestants.filter((one) => one.place === place && typeof one.hello !== 'string');
  if (present.length === 0) return '';
  const names = present.map(({ name }) => name);
  const networks = rows.filter(({ task }) => task.kind === 'network');
  const kernels = rows.filter(({ task }) => task.kind === 'kernel');
  const where = PLACES[place];
  const section = (
    title: string,
    of: readonly Row[],
    cell: (row: Row, name: string, first: string) => string,
  ) =>
    of.length === 0
      ? ''
      : `## ${title}${where}\n\n${table(
          ['', ...names],
          of.map((row) => [nameOf(row.task), ...names.map((name) => cell(row, name, names[0]))]),
        )}\n\n`;
  return [
    section('Networks: images per second', networks, networkCell),
    place === 'machine' ? section('Networks: peak memory of the process, MiB', networks, memoryCell) : '',
    section('Kernels: milliseconds', kernels, kernelCell),
    section(
      'Kernels: GFLOPS',
      kernels.filter(({ task }) => flops(task) > 0),
      gflopsCell,
    ),
  ].join('');
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
  const rule = `|${header.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** Milliseconds an image, so that runs of fewer images compare. */
const msEach = ({ sample, batch }: Measured): number => sample.median / batch;

function ratio(row: Row, name: string, first: string): string {
  const [theirs, ours] = [cellOf(row, name), cellOf(row, first)];
  if (name === first || !isMeasured(theirs) || !isMeasured(ours)) return '';
  return `, ${times(msEach(theirs) / msEach(ours))}`;
}

const times = (value: number): string =>
  `${value >= 10 ? value.toFixed(0) : value.toFixed(value < 1 ? 2 : 1)}x`;

function mark({ sample, isFirstCall }: Measured): string {
  if (isFirstCall) return '²';
  return sample.runs === 1 ? '¹' : ` ±${percent(sample.spread)}`;
}

function kernelCell(row: Row, name: string, first: string): string {
  const cell = cellOf(row, name);
  if (!isMeasured(cell)) return cell.note;
  return `${digits(cell.sample.median)}${mark(cell)}${ratio(row, name, first)}`;
}

function gflopsCell(row: Row, name: string): string {
  const gflops = gflopsOf(row, name);
  return gflops === null ? '' : gflops.toFixed(1);
}

function networkCell(row: Row, name: string, first: string): string {
  const cell = cellOf(row, name);
  if (!isMeasured(cell)) return cell.note;
  const batch = cell.batch < row.task.batch ? ` at batch ${cell.batch}` : '';
  return `${digits(1000 / msEach(cell))}${mark(cell)}${ratio(row, name, first)}${batch}`;
}

function memoryCell(row: Row, name: string): string {
  const cell = cellOf(row, name);
  if (!isMeasured(cell) || cell.residentBytes === null) return '';
  const batch = cell.batch < row.task.batch ? ` at batch ${cell.batch}` : '';
  return `${(cell.residentBytes / 2 ** 20).toFixed(0)}${batch}`;
}
