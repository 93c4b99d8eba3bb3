/**
 * Throughput of every kernel: `npm run bench [-- --device wasm --filter conv2d --json now.json --compare old.json]`.
 * Times are medians of runs that each end with a value read back; shares are of what the device can do at most.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import type { Device } from '../lib/devices/device.ts';
import { type DeviceChoice, openDevice } from '../lib/devices/select.ts';
import { DeviceError } from '../lib/errors.ts';
import { writeWhole } from '../lib/train/files.ts';
import { ProgressBar } from '../lib/train/progress.ts';
import { Budget, LEAST_SHARE } from './measure/budget.ts';
import { measureKernel } from './measure/kernel.ts';
import { describeLimits, leastMs, measureLimits } from './measure/limits.ts';
import { describeMachine } from './measure/machine.ts';
import { compareReports } from './report/compare.ts';
import { type KernelReport, type KernelRow, kernelTable } from './report/kernels.ts';
import { count, DEVICES, positive } from './workload/options.ts';
import { CONV_SHAPES } from './workload/shapes.ts';
import { convTask, type KernelTask, kernelTasks, nameOfKernel } from './workload/tasks.ts';

/** Seconds of a row beyond which more samples tell no more, and the runs that a slow one gets even so. */
const ENOUGH = 1;
const RUNS = 6;

interface Options {
  device: DeviceChoice;
  threads: number;
  batch?: number;
  filter?: string[];
  seconds: number;
  json?: string;
  compare?: string;
}

const options = new Command('bench')
  .description('Throughput of every kernel at the shapes of ResNet-18, ResNet-50 and DenseNet-121, 224x224')
  .addOption(new Option('--device <name>', 'what to run on').choices(DEVICES).default('auto'))
  .option('--threads <n>', 'threads of the wasm device', count, availableParallelism())
  .option(
    '--batch <n>',
    "images of a run (default: the compared run's, else as many of 8 as there is time for)",
    count,
  )
  .option('--filter <words...>', 'only rows whose kernel, shape and pass hold all these words')
  .option(
    '--seconds <n>',
    'to divide among the rows; those too slow for their share are left out',
    positive,
    100,
  )
  .option('--json <file>', 'also write the figures to a file')
  .option('--compare <file>', 'show ratios to the figures of such a file')
  .parse()
  .opts<Options>();

const start = performance.now();
const before: KernelReport | null = options.compare
  ? JSON.parse(await readFile(options.compare, 'utf8'))
  : null;
const device = await openDevice(options.device, { threads: options.threads }).catch((error) => {
  if (!(error instanceof DeviceError)) throw error;
  console.error(error.message);
  process.exit(1);
});
const machine = describeMachine();
console.log(`${device.description}\n${machine}`);
const limits = await measureLimits(device, options.threads);
console.log(describeLimits(limits));

const batch = options.batch ?? before?.batch ?? (await affordableBatch(device));
console.log(`batch ${batch}\n`);
const tasks = wanted(batch);
const spent = (performance.now() - start) / 1000;
const weightOf = (task: KernelTask) => ENOUGH + (RUNS * leastMs(limits, task.flops, 4 * task.values)) / 1000;
const weight = tasks.reduce((total, task) => total + weightOf(task), 0);
const budget = new Budget(options.seconds - spent, weight, LEAST_SHARE);
const progress = new ProgressBar();
const rows: KernelRow[] = [];
/** How many times longer than its limit allows each kernel took at its last shape. */
const slowness = new Map<string, number>();
for (const [done, task] of tasks.entries()) {
  if (process.stdout.isTTY) progress.update('measuring', done / tasks.length, nameOfKernel(task));
  const { kernel, shape, pass, flops } = task;
  const bytes = 4 * task.values;
  const least = leastMs(limits, flops, bytes);
  const expected = (least * (slowness.get(kernel + pass) ?? 1)) / 1000;
  const seconds = Math.min(budget.take(weightOf(task)), ENOUGH + RUNS * expected);
  const sample = expected < seconds ? await measureKernel(device, task, seconds) : null;
  if (sample) slowness.set(kernel + pass, sample.median / least);
  rows.push({ kernel, shape, pass, flops, bytes, sample });
}
await device.dispose();

const report: KernelReport = { device: device.description, machine, batch, limits, rows };
progress.print(`\n${kernelTable(report)}`);
if (before) console.log(`\n${compareReports(before, report)}`);
if (options.json) await writeWhole(options.json, `${JSON.stringify(report, null, 1)}\n`);

function wanted(images: number) {
  return kernelTasks(images).filter((task) => {
    const name = nameOfKernel(task).toLowerCase();
    return (options.filter ?? []).every((word) => name.includes(word.toLowerCase()));
  });
}

/** The largest batch at which some runs of every row should fit, at the speed of one convolution. */
async function affordableBatch(on: Device): Promise<number> {
  const probe = convTask(CONV_SHAPES[1], 'forward', 1);
  const { median } = await measureKernel(on, probe, 0);
  const secondsAt = (images: number) =>
    (wanted(images).reduce((total, { flops }) => total + flops, 0) / probe.flops) * (median / 1000) * RUNS;
  return [8, 4, 2].find((images) => secondsAt(images) < options.seconds) ?? 1;
}
