/**
 * Ours beside every peer, on the same shapes and the three networks, in turns: `npm run bench:peers`. Installs the peers
 * into bench/peers and writes bench/RESULTS.md and its chart.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describeMachine } from './machine.ts';
import { MODES, NETWORKS } from './network.ts';
import { count, positive } from './options.ts';
import { drawChart } from './peers/chart.ts';
import { CONTESTANTS, installPeers } from './peers/contestants.ts';
import { nameOf, Player, play } from './peers/match.ts';
import { openModelFiles } from './peers/models.ts';
import { writeResults } from './peers/results.ts';
import type { ConvPass, Task } from './peers/task.ts';
import { CONV_SHAPES, convName } from './shapes.ts';
import { digits } from './statistics.ts';

interface Options {
  threads: number;
  rounds: number;
  batch: number;
  trainingBatch: number;
  size: number;
  patience: number;
  filter: string[];
  browser: boolean;
  out: string;
}

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const options = new Command('bench:peers')
  .description('Ours beside every peer, on the same shapes and networks, in turns')
  .option('--threads <n>', 'of each contestant that has threads', count, availableParallelism())
  .option('--rounds <n>', 'turns of each contestant in each row', count, 5)
  .option('--batch <n>', 'images of a run', count, 8)
  .option('--training-batch <n>', 'images of a training step', count, 32)
  .option('--size <n>', "height and width of the networks' images", count, 224)
  .option('--patience <seconds>', 'of a run; slower networks are left out', positive, 60)
  .option('--filter <words...>', 'only rows whose name holds all these words', [])
  .option('--no-browser', 'leave out what runs in Chromium')
  .option('--out <file>', 'page to write; the chart goes beside it', local('RESULTS.md'))
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
const PASSES: readonly ConvPass[] = ['forward', 'input grad', 'weight grad'];

installPeers();
const machine = describeMachine();
const players = CONTESTANTS.map((entry) => new Player(entry, options));
for (const player of players) {
  await player.start();
  const { hello } = player;
  console.log(`${player.name}: ${typeof hello === 'string' ? hello : `${hello.version}, ${hello.detail}`}`);
}

const tasks = allTasks().filter((task) =>
  options.filter.every((word) => nameOf(task).toLowerCase().includes(word.toLowerCase())),
);
{
  await using models = await openModelFiles();
  for (const task of tasks) {
    await play(players, task, await models.pathFor(task), options);
    const cells = players.map(({ name, outcomes }) => {
      const outcome = outcomes.get(task) ?? { note: 'not run' };
      return `${name} ${'note' in outcome ? outcome.note : `${digits(outcome.sample.median)} ms`}`;
    });
    console.log(`${nameOf(task)}: ${cells.join('; ')}`);
  }
}
await Promise.all(players.map((player) => player.stop()));

const chart = options.out.replace(/(\.md)?$/, '.svg');
await writeFile(chart, await drawChart(tasks, players));
const page = writeResults({
  machine,
  date: new Date().toISOString().slice(0, 10),
  options: `${options.rounds} rounds, ${options.threads} threads, networks at ${options.size}x${options.size}`,
  tasks,
  players,
  browser: options.browser ? browserTable() : 'left out',
  chart: basename(chart),
});
await writeFile(options.out, page);
console.log(`wrote ${options.out} and ${chart}`);

function allTasks(): Task[] {
  const { batch, trainingBatch, size } = options;
  const shapes = CONV_SHAPES.filter((shape) => SHAPES.includes(convName(shape)));
  return [
    ...[512, 1024].map((gemmSize): Task => ({ kind: 'gemm', size: gemmSize })),
    ...shapes.flatMap((shape) => PASSES.map((pass): Task => ({ kind: 'conv2d', pass, shape, batch }))),
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

/** tfjs on WebGL and ours, in one page. */
function browserTable(): string {
  try {
    return execFileSync(process.execPath, ['--import', 'tsx', local('browser/run.ts')], { encoding: 'utf8' });
  } catch (error) {
    return `did not run: ${(error as Error).message}`;
  }
}
