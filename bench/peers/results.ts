/** RESULTS.md: who ran, every figure, and what could not be done. */
import { digits, percent } from '../statistics.ts';
import { flops, nameOf, type Player } from './match.ts';
import type { Task } from './task.ts';

export interface Results {
  readonly machine: string;
  readonly date: string;
  readonly options: string;
  readonly tasks: readonly Task[];
  readonly players: readonly Player[];
  /** What `npm run bench:browser` printed, or why it did not run. */
  readonly browser: string;
  /** File name of the chart, beside the page. */
  readonly chart: string;
}

export function writeResults({ machine, date, options, tasks, players, browser, chart }: Results): string {
  const kernels = tasks.filter(({ kind }) => kind !== 'network');
  const networks = tasks.filter(({ kind }) => kind === 'network');
  const present = players.filter(({ hello }) => typeof hello !== 'string');
  const [ours] = players;
  const header = [`${ours.name}`, ...present.slice(1).map(({ name }) => name)];
  const others = present.slice(1);
  return `# Ours and theirs

Written by \`npm run bench:peers\` on ${date}; ${options}.
${machine}.

Contestants take turns within each row; figures are medians, with half the distance between the quartiles. \`2.0x\` says that ours
is twice as fast, \`0.5x\` that theirs is. Results of kernels are compared: all agree in their root mean square within 0.1 %.

![Ours and theirs](${chart})

## Who

${table(
  ['', 'version', 'runs on'],
  players.map(({ name, hello }) =>
    typeof hello === 'string' ? [name, '', hello] : [name, hello.version, hello.detail],
  ),
)}

ONNX Runtime has its weights as constants of the model, which it may rearrange beforehand. The networks of tfjs and jax-js are written
in their own operations; in inference, batch norm is one multiplication and one addition a value there.

## Networks: images per second

${table(
  ['', ...header],
  networks.map((task) => [nameOf(task), ...present.map((player) => networkCell(task, player, ours))]),
)}

## Networks: peak memory of the process, MiB

${table(
  ['', ...header],
  networks.map((task) => [nameOf(task), ...present.map((player) => memoryCell(task, player))]),
)}

## Kernels: milliseconds

${table(
  ['', 'our GFLOPS', ...header],
  kernels.map((task) => [
    nameOf(task),
    gflops(task, ours),
    kernelCell(task, ours, ours),
    ...others.map((player) => kernelCell(task, player, ours)),
  ]),
)}

## In Chromium, on WebGL

\`\`\`
${browser.trim()}
\`\`\`
`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(header),
    `|${header.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}

function measured(task: Task, player: Player) {
  const outcome = player.outcomes.get(task) ?? { note: 'not run' };
  return 'note' in outcome ? { note: outcome.note.replaceAll('|', '/') } : outcome;
}

function ratio(task: Task, player: Player, ours: Player): string {
  const [theirs, own] = [measured(task, player), measured(task, ours)];
  if (player === ours || 'note' in theirs || 'note' in own) return '';
  return `, ${(theirs.sample.median / own.sample.median).toFixed(1)}x`;
}

function kernelCell(task: Task, player: Player, ours: Player): string {
  const outcome = measured(task, player);
  if ('note' in outcome) return outcome.note;
  const { median, spread } = outcome.sample;
  return `${digits(median)} ±${percent(spread)}${ratio(task, player, ours)}`;
}

function gflops(task: Task, player: Player): string {
  const outcome = measured(task, player);
  return 'note' in outcome ? '' : (flops(task) / outcome.sample.median / 1e6).toFixed(1);
}

function networkCell(task: Task, player: Player, ours: Player): string {
  const outcome = measured(task, player);
  if ('note' in outcome || task.kind !== 'network') return 'note' in outcome ? outcome.note : '';
  const { median, spread } = outcome.sample;
  return `${digits((1000 * task.batch) / median)} ±${percent(spread)}${ratio(task, player, ours)}`;
}

function memoryCell(task: Task, player: Player): string {
  const outcome = measured(task, player);
  return 'note' in outcome ? '' : (outcome.residentBytes / 2 ** 20).toFixed(0);
}
