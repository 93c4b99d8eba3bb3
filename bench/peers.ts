/**
 * Ours beside every peer, on the same shapes and the three networks, in turns: `npm run bench:peers`. Installs the peers
 * into bench/peers and writes bench/results/RESULTS.md, its chart, and the figures of both, from which an interrupted run goes on.
 */
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { writeWhole } from '../lib/train/files.ts';
import { Budget, LEAST_SHARE } from './measure/budget.ts';
import { describeCpu } from './measure/machine.ts';
import { digits } from './measure/statistics.ts';
import { drawChart } from './peers/chart.ts';
import { contestants, installPeers } from './peers/contestants.ts';
import { expectedSeconds } from './peers/forecast.ts';
import { play } from './peers/match.ts';
import { openModelFiles } from './peers/models.ts';
import { Player } from './peers/player.ts';
import {
  cellOf,
  isMeasured,
  type MatchRecord,
  openRecord,
  type Row,
  readRecord,
  rowOf,
  saveRecord,
} from './peers/record.ts';
import { writeResults } from './peers/results.ts';
import { nameOf, type Task } from './peers/task.ts';
import { MODES, NETWORKS } from './workload/networks.ts';
import { count, positive } from './workload/options.ts';
import { CONV_SHAPES, type ConvShape, convName } from './workload/shapes.ts';
import { CONV_PASSES, convTask, gemmTask, kernelTasks } from './workload/tasks.ts';

interface Options {
  minutes: number;
  threads: number;
  rounds: number;
  batch: number;
  trainingBatch: number;
  size: number;
  node?: string[];
  filter?: string[];
  browser: boolean;
  fresh?: boolean;
  render?: boolean;
  out: string;
}

const options = new Command('bench:peers')
  .description('Ours beside every peer, on the same shapes and networks, in turns')
  .option(
    '--minutes <n>',
    'for everything, divided among the rows; what is too slow for its share is marked',
    positive,
    25,
  )
  .option('--threads <n>', 'of each contestant that has threads', count, availableParallelism())
  .option('--rounds <n>', 'turns of each contestant in each row, at most', count, 7)
  .option('--batch <n>', 'images of a run', count, 8)
  .option('--training-batch <n>', 'images of a training step', count, 32)
  .option('--size <n>', "height and width of the networks' images", count, 224)
  .option('--node <files...>', 'other Nodes to run ours on too')
  .option('--filter <words...>', 'only rows whose name holds all these words')
  .option('--no-browser', 'leave out what runs in Chromium')
  .option('--fresh', 'forget what the figures beside the page hold, in place of going on from them')
  .option('--render', 'write page and chart from the figures there are, and measure nothing')
  .addOption(
    new Option('--out <file>', 'page to write; chart and figures go beside it').default(
      fileURLToPath(new URL('results/RESULTS.md', import.meta.url)),
      'bench/results/RESULTS.md',
    ),
  )
  .parse()
  .opts<Options>();

/** One convolution of each kind; the networks have them all. */
const SHAPES = [
  'resnet 7x7/2 3->64 @224',
  'resnet 3x3 64->64 @56',
  'resnet 3x3 256->256 @14',
  'resnet50 1x1 256->64 @56',
  'resnet50 3x3/2 128->128 @56',
  'densenet121 3x3 128->32 @28',
];
/** And what memory bounds. */
const OTHERS = ['batch norm + relu 256 @56', 'max pool 3x3/2 64 @112'];
/** How rows share the time. */
const WEIGHTS = { kernel: 1, inference: 4, training: 10 };

const start = performance.now();
const [page, chart, figures] = ['.md', '.svg', '.json'].map((end) => options.out.replace(/(\.md)?$/, end));
installPeers();
if (options.fresh) await rm(figures, { force: true });
const record = options.render ? await readRecord(figures) : await measured();
await writeWhole(chart, await drawChart(record));
await writeWhole(page, writeResults(record, basename(chart)));
console.log(`wrote ${page} and ${chart}`);

async function measured(): Promise<MatchRecord> {
  const { threads, size } = options;
  const record = await openRecord(figures, { machine: describeCpu(), threads, size });
  const tasks = allTasks().filter((task) => matches(nameOf(task)) && !rowOf(record, task));
  if (tasks.length === 0) return record;
  const before = record.seconds;
  record.starts.push(new Date().toISOString().slice(0, 16).replace('T', ' '));
  const players = contestants(threads, options.node ?? [])
    .filter(({ place }) => options.browser || place !== 'browser')
    .map((entry) => new Player(entry));
  for (const player of players) {
    await player.start();
    const { hello } = player;
    console.log(`${player.name}: ${typeof hello === 'string' ? hello : `${hello.version}, ${hello.detail}`}`);
  }
  record.contestants = players.map(({ description }) => description);
  await using models = await openModelFiles();
  const spent = () => (performance.now() - start) / 1000;
  const budget = new Budget(
    60 * options.minutes - before - spent(),
    tasks.reduce((sum, task) => sum + weightOf(task), 0),
  );
  for (const task of tasks) {
    // Networks get processes of their own: their peak memory is asked for.
    if (task.kind === 'network') await Promise.all(players.map((player) => player.stop()));
    const cells = await play(players, task, await models.pathFor(task), {
      rounds: options.rounds,
      seconds: Math.max(budget.take(weightOf(task)), LEAST_SHARE * planned(task)),
      expected: (name, own) => expectedSeconds(record, name, own),
    });
    const row: Row = { task, cells };
    record.rows.push(row);
    record.seconds = before + spent();
    await saveRecord(figures, record);
    console.log(summary(row));
  }
  await Promise.all(players.map((player) => player.stop()));
  return record;
}

function matches(name: string): boolean {
  return (options.filter ?? []).every((word) => name.toLowerCase().includes(word.toLowerCase()));
}

function weightOf(task: Task): number {
  return task.kind === 'kernel' ? WEIGHTS.kernel : WEIGHTS[task.mode];
}

/** Seconds of a row where each takes its share. */
function planned(task: Task): number {
  const whole = allTasks().reduce((sum, one) => sum + weightOf(one), 0);
  return (60 * options.minutes * weightOf(task)) / whole;
}

function summary(row: Row): string {
  const cells = Object.keys(row.cells).map((name) => {
    const cell = cellOf(row, name);
    return `${name} ${isMeasured(cell) ? `${digits(cell.sample.median)} ms` : cell.note}`;
  });
  return `${nameOf(row.task)}: ${cells.join('; ')}`;
}

function allTasks(): Task[] {
  const { batch, trainingBatch, size } = options;
  const kernels = [
    ...[512, 1024].map(gemmTask),
    ...SHAPES.map(shapeNamed).flatMap((shape) => CONV_PASSES.map((pass) => convTask(shape, pass, batch))),
    ...kernelTasks(batch).filter(({ kernel, shape }) => OTHERS.includes(`${kernel} ${shape}`)),
  ];
  return [
    ...kernels.map((task): Task => ({ kind: 'kernel', ...task })),
    ...MODES.flatMap((mode) =>
      NETWORKS.map(
        (network): Task => ({
          kind: 'network',
          network,
          mode,
          size,
          batch: mode === 'training' ? trainingBatch : batch,
        }),
      ),
    ),
  ];
}

function shapeNamed(name: string): ConvShape {
  const shape = CONV_SHAPES.find((one) => convName(one) === name);
  if (!shape) throw new Error(`no convolution is named ${name}`);
  return shape;
}
