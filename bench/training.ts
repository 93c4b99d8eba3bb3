/**
 * Images per second and peak memory of training and of inference:
 * `npm run bench:training [-- --batch 32 --size 224 --models resnet18]`, with the operations that take most of the time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import type { DeviceChoice } from '../lib/devices/select.ts';
import { formatTable } from '../lib/report/table.ts';
import { describeMachine } from './measure/machine.ts';
import type { NetworkRequest, NetworkResult } from './measure/network.ts';
import { digits, percent } from './measure/statistics.ts';
import { flopsOf, MODES, type Mode, NETWORKS, type NetworkName } from './workload/networks.ts';
import { count, countFromZero, DEVICES } from './workload/options.ts';

interface Options {
  device: DeviceChoice;
  threads?: number;
  models: NetworkName[];
  modes: Mode[];
  batch: number;
  size: number;
  steps: number;
  profile: number;
  json?: string;
}

const options = new Command('bench:training')
  .description('Images per second and peak memory of a training step (SGD with momentum) and of inference')
  .addOption(new Option('--device <name>', 'what to run on').choices(DEVICES).default('auto'))
  .option('--threads <n>', 'threads of the wasm device (default: all cores)', count)
  .addOption(new Option('--models <names...>', 'networks').choices(NETWORKS).default(NETWORKS))
  .addOption(new Option('--modes <names...>', 'what to do with them').choices(MODES).default(MODES))
  .option('--batch <n>', 'images of a step', count, 32)
  .option('--size <n>', 'height and width of an image', count, 224)
  .option('--steps <n>', 'steps timed, after one to warm up', count, 5)
  .option(
    '--profile <rows>',
    'of the profile of one more step, slowest operations first; 0 for none',
    countFromZero,
    10,
  )
  .option('--json <file>', 'also write the figures to a file')
  .parse()
  .opts<Options>();

const script = fileURLToPath(new URL('measure/network.ts', import.meta.url));
const results: (NetworkResult & { network: NetworkName; mode: Mode })[] = [];
const { batch, size } = options;
const machine = describeMachine();
console.log(`${machine}\nbatch ${batch}, ${size}x${size}, medians of ${options.steps} steps`);
for (const network of options.models) {
  for (const mode of options.modes) {
    const result = await measure({ ...options, network, mode });
    if (!result) {
      console.log(`${network}, ${mode}: failed`);
      process.exitCode = 1;
      continue;
    }
    if (results.length === 0) console.log(result.device);
    results.push({ ...result, network, mode });
    console.log(`${network}, ${mode}: ${digits(imagesPerSecond(result))} images/s`);
    if (result.profile) console.log(`${result.profile}\n`);
  }
}
console.log(
  `\n${formatTable([['network', 'mode', 'images/s', '+-', 'ms', 'GFLOPS', 'device MiB', 'resident MiB'], ...results.map(columns)])}`,
);
if (options.json) {
  await writeFile(options.json, `${JSON.stringify({ machine, batch, size, results }, null, 1)}\n`);
}

/** Null where the process ended before it had a result: it has then said why. */
async function measure(request: NetworkRequest): Promise<NetworkResult | null> {
  const child = fork(script, { execArgv: ['--import', 'tsx'] });
  child.send(request);
  let result: NetworkResult | null = null;
  child.once('message', (message: NetworkResult) => {
    result = message;
  });
  await once(child, 'exit');
  return result;
}

function imagesPerSecond({ sample }: NetworkResult): number {
  return (1000 * batch) / sample.median;
}

function columns(result: NetworkResult & { network: NetworkName; mode: Mode }): string[] {
  const { network, mode, sample } = result;
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  return [
    network,
    mode,
    digits(imagesPerSecond(result)),
    percent(sample.spread),
    digits(sample.median),
    (flopsOf({ network, mode, batch, size }) / sample.median / 1e6).toFixed(1),
    mebibytes(result.bytesHeld),
    mebibytes(result.residentBytes),
  ];
}
