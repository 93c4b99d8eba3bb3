/**
 * The kernel table of `npm run bench` in headless Chromium on WebGL2, beside tfjs-webgl's in the same page:
 * `npm run bench:browser [-- --filter conv2d 3x3 --batch 1]`. tfjs is installed into bench/peers at the first run.
 */
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatTable } from '../lib/report/table.ts';
import { writeWhole } from '../lib/train/files.ts';
import { ProgressBar } from '../lib/train/progress.ts';
import { bundle, openPage } from '../test/support/chromium.ts';
import type { Match } from './browser/page.ts';
import { Budget } from './measure/budget.ts';
import { describeLimits, type Limits, leastMs } from './measure/limits.ts';
import { describeCpu } from './measure/machine.ts';
import { digits, percent } from './measure/statistics.ts';
import { installPeers } from './peers/contestants.ts';
import { TFJS_SCRIPT } from './peers/tfjs-scripts.ts';
import { count, positive } from './workload/options.ts';
import { type KernelTask, kernelTasks, nameOfKernel } from './workload/tasks.ts';

interface Options {
  batch?: number;
  filter?: string[];
  seconds: number;
  json?: string;
}

const options = new Command('bench:browser')
  .description('The kernel table in Chromium on WebGL2, beside tfjs-webgl')
  .option('--batch <n>', 'images of a run (default: 8, on a software renderer 1)', count)
  .option('--filter <words...>', 'only rows whose kernel, shape and pass hold all these words')
  .option('--seconds <n>', 'to divide among the rows', positive, 300)
  .option('--json <file>', 'also write the figures to a file')
  .parse()
  .opts<Options>();

/** A row runs though it wants longer than its share, up to so many shares; and none gets more than so many seconds. */
const LENIENCE = 3;
const ENOUGH = 5;
/** Of one row, how many runs there are at least: both sides, warm and timed. */
const RUNS = 4;

interface Row {
  readonly task: KernelTask;
  readonly match: Match | null;
}

installPeers();
await using open = await openPage(await bundle(new URL('browser/page.ts', import.meta.url).href));
const { page } = open;
await page.addScriptTag({ path: fileURLToPath(TFJS_SCRIPT) });
const contest = await page.evaluate(() => window.openContest());
const { limits } = contest;
const batch = options.batch ?? (contest.isSoftware ? 1 : 8);
console.log(
  `${contest.ours}\n${describeCpu()}; Chromium ${page.context().browser()?.version()}; batch ${batch}`,
);
console.log(`${describeLimits(limits)}\n`);

const tasks = kernelTasks(batch).filter((task) =>
  (options.filter ?? []).every((word) => nameOfKernel(task).toLowerCase().includes(word.toLowerCase())),
);
const budget = new Budget(options.seconds, tasks.length);
/** How many times longer than our limit allows both together took at each kernel's last shape. */
const slowness = new Map<string, number>();
const progress = new ProgressBar();
const rows: Row[] = [];
for (const [done, task] of tasks.entries()) {
  if (process.stdout.isTTY) progress.update('measuring', done / tasks.length, nameOfKernel(task));
  const key = task.kernel + task.pass;
  const least = leastMs(limits, task.flops, 4 * task.values);
  const expected = (least * (slowness.get(key) ?? 1) * RUNS) / 2000;
  const share = budget.take();
  const match =
    expected > LENIENCE * share
      ? null
      : await page.evaluate(([what, seconds]) => window.compete(what, seconds), [
          task,
          Math.min(share, ENOUGH),
        ] as const);
  if (match) slowness.set(key, (match.ours.median + match.theirs.median) / least);
  rows.push({ task, match });
}
const header = [
  'kernel',
  'pass',
  'ms',
  '+-',
  'GFLOPS',
  'GB/s',
  'of limit',
  `${contest.theirs} ms`,
  '+-',
  'ratio',
  'difference',
];
progress.print(formatTable([header, ...rows.map((row) => columns(row, limits))]));
console.log(
  '\nratio: how many times faster ours is. of limit: as in npm run bench. difference: the largest of the results, over the largest value.',
);
if (options.json) await writeWhole(options.json, `${JSON.stringify({ ...contest, batch, rows }, null, 1)}\n`);

function columns({ task, match }: Row, limit: Limits): string[] {
  const { kernel, shape, pass, flops, values } = task;
  const name = `${kernel} ${shape}`;
  if (!match) return [name, pass, 'left out', '', '', '', '', '', '', '', ''];
  const { ours, theirs, difference } = match;
  return [
    name,
    pass,
    digits(ours.median),
    percent(ours.spread),
    flops ? (flops / ours.median / 1e6).toFixed(1) : '',
    ((4 * values) / ours.median / 1e6).toFixed(1),
    percent(leastMs(limit, flops, 4 * values) / ours.median),
    digits(theirs.median),
    percent(theirs.spread),
    `${(theirs.median / ours.median).toFixed(1)}x`,
    difference.toExponential(0),
  ];
}
