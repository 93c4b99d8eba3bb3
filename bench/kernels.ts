/**
 * Throughput of every kernel: `npm run bench [-- --device wasm --filter conv2d --json now.json --compare old.json]`.
 * Times are medians of runs that each end with a value read back; shares are of what the device can do at most.
 */
import { readFile, writeFile } from 'node:fs/promises';
import benny from 'benny';
import { Command, Option } from 'commander';
import type { Device, Storage } from '../lib/devices/device.ts';
import { type DeviceChoice, openDevice } from '../lib/devices/select.ts';
import { formatTable } from '../lib/report/table.ts';
import { type KernelCase, kernelCases } from './cases.ts';
import { type Limits, measureLimits } from './limits.ts';
import { describeMachine } from './machine.ts';
import { count, DEVICES, positive } from './options.ts';
import { settle } from './settle.ts';
import { digits, percent, type Sample, summarize } from './statistics.ts';

interface Options {
  device: DeviceChoice;
  threads?: number;
  batch: number;
  filter: string[];
  patience: number;
  json?: string;
  compare?: string;
}

/** A measured kernel; without `sample` it was left out, for one run of it would take `expected` seconds. */
interface Row {
  readonly kernel: string;
  readonly shape: string;
  readonly pass: string;
  readonly flops: number;
  readonly bytes: number;
  /** Of milliseconds. */
  readonly sample: Sample | null;
  readonly expected: number;
}

interface Report {
  readonly device: string;
  readonly machine: string;
  readonly batch: number;
  readonly limits: Limits;
  readonly rows: readonly Row[];
}

const HEADER = ['kernel', 'pass', 'ms', '+-', 'GFLOPS', 'GB/s', 'of limit'];

const options = new Command('bench')
  .description('Throughput of every kernel at the shapes of ResNet-18, ResNet-50 and DenseNet-121, 224x224')
  .addOption(new Option('--device <name>', 'what to run on').choices(DEVICES).default('auto'))
  .option('--threads <n>', 'threads of the wasm device (default: all cores)', count)
  .option('--batch <n>', 'images of a run', count, 8)
  .option('--filter <words...>', 'only rows whose kernel, shape and pass hold all these words', [])
  .option('--patience <seconds>', 'leave out kernels whose single run would take longer', positive, 2)
  .option('--json <file>', 'also write the figures to a file')
  .option('--compare <file>', 'show ratios to the figures of such a file')
  .parse()
  .opts<Options>();

const before: Report | null = options.compare ? JSON.parse(await readFile(options.compare, 'utf8')) : null;
const device = await openDevice(options.device, options.threads);
const machine = describeMachine();
console.log(`${device.description}\n${machine}`);
const limits = await measureLimits(device, options.threads);
console.log(
  `at most ${limits.gflops.toFixed(1)} GFLOPS (${limits.compute}) and ${limits.gbps.toFixed(1)} GB/s (copying 32 MiB); batch ${options.batch}\n`,
);

const rows: Row[] = [];
for (const [name, cases] of byShape(kernelCases(device, options.batch).filter(matches))) {
  rows.push(...(await measure(name, cases)));
}
await device.dispose();

const report: Report = { device: device.description, machine, batch: options.batch, limits, rows };
console.log(`\n${formatTable([HEADER, ...rows.map(columns)])}`);
if (before) console.log(`\n${ratios(before, report)}`);
if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 1)}\n`);

function matches({ kernel, shape, pass }: KernelCase): boolean {
  const name = `${kernel} ${shape} ${pass}`.toLowerCase();
  return options.filter.every((word) => name.includes(word.toLowerCase()));
}

function byShape(cases: readonly KernelCase[]): Map<string, KernelCase[]> {
  const groups = new Map<string, KernelCase[]>();
  for (const one of cases) {
    const name = `${one.kernel} ${one.shape}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return groups;
}

/** The passes of one shape as a suite; benny's first call of each, which learns that it is asynchronous, warms it up. */
async function measure(name: string, cases: readonly KernelCase[]): Promise<Row[]> {
  const inputs: Storage[] = [];
  const upload = (values: Float32Array): Storage => {
    inputs.push(device.upload(values));
    return inputs[inputs.length - 1];
  };
  const samples = new Map<string, Sample>();
  const affordable = cases.filter((one) => expectedSeconds(one) <= options.patience);
  if (affordable.length > 0) {
    const { results } = await benny.suite(
      name,
      ...affordable.map((one) => benny.add(one.pass, timed(device, one.open(upload)))),
      benny.configure({ cases: { minSamples: 5, maxTime: 0.25 } }),
    );
    for (const { name: pass, details } of results) {
      samples.set(pass, summarize(details.sampleResults.map((seconds) => 1000 * seconds)));
    }
  }
  for (const storage of inputs) device.free(storage);
  return cases.map((one) => ({
    kernel: one.kernel,
    shape: one.shape,
    pass: one.pass,
    flops: one.flops,
    bytes: 4 * one.values,
    sample: samples.get(one.pass) ?? null,
    expected: expectedSeconds(one),
  }));
}

function timed(on: Device, run: () => Storage[]): () => Promise<void> {
  return async () => {
    const outputs = run();
    await settle(on, outputs[0]);
    for (const storage of outputs) on.free(storage);
  };
}

function expectedSeconds({ flops, values }: KernelCase): number {
  return Math.max(flops / limits.gflops, (4 * values) / limits.gbps) / 1e9;
}

function columns({ kernel, shape, pass, flops, bytes, sample, expected }: Row): string[] {
  const name = `${kernel} ${shape}`;
  if (!sample) return [name, pass, `left out: > ${digits(expected)} s`, '', '', '', ''];
  const [gflops, gbps] = [flops / sample.median / 1e6, bytes / sample.median / 1e6];
  return [
    name,
    pass,
    digits(sample.median),
    percent(sample.spread),
    flops ? gflops.toFixed(1) : '',
    gbps.toFixed(1),
    percent(flops ? gflops / limits.gflops : gbps / limits.gbps),
  ];
}

/** How many times faster than before each row is that both runs measured, and the geometric mean of that. */
function ratios(old: Report, now: Report): string {
  const key = ({ kernel, shape, pass }: Row) => `${kernel} ${shape} ${pass}`;
  const times = new Map(old.rows.map((row) => [key(row), row.sample?.median]));
  const lines: string[][] = [];
  let logarithms = 0;
  for (const row of now.rows) {
    const ms = times.get(key(row));
    if (ms === undefined || !row.sample) continue;
    const faster = ms / row.sample.median;
    logarithms += Math.log(faster);
    lines.push([key(row), digits(ms), digits(row.sample.median), `${faster.toFixed(2)}x`]);
  }
  const mean = `${Math.exp(logarithms / lines.length).toFixed(2)}x`;
  const total = ['geometric mean', '', '', lines.length ? mean : 'no row in common'];
  return [
    `before: ${old.device}; batch ${old.batch}; ${old.machine}`,
    formatTable([['kernel', 'before ms', 'now ms', 'faster'], ...lines, total]),
  ].join('\n');
}
