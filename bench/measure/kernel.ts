/** Times one kernel within its share of the time, by tinybench. */
import { Bench } from 'tinybench';
import type { Device } from '../../lib/devices/device.ts';
import { openKernel } from '../workload/ours.ts';
import { type KernelTask, nameOfKernel } from '../workload/tasks.ts';
import { settle } from './settle.ts';
import { type Sample, summarize } from './statistics.ts';

const SAMPLES = 5;

/** Milliseconds of a run: of the one after the first where there is no time for more, else of each that there is time for. */
export async function measureKernel(device: Device, task: KernelTask, seconds: number): Promise<Sample> {
  const start = performance.now();
  const kernel = openKernel(device, task);
  const run = async () => {
    const outputs = kernel.run();
    await settle(device, outputs[0]);
    for (const storage of outputs) device.free(storage);
  };
  await run();
  const second = performance.now();
  await run();
  const now = performance.now();
  const [once, left] = [(now - second) / 1000, seconds - (now - start) / 1000];
  const times = left < 3 * once ? [1000 * once] : await sample(nameOfKernel(task), run, once, left);
  kernel.close();
  return summarize(times);
}

/** Milliseconds of several runs. */
async function sample(name: string, run: () => Promise<void>, once: number, left: number) {
  const bench = new Bench({
    time: 500 * left,
    iterations: Math.min(SAMPLES, Math.floor(left / once) - 1),
    warmup: false,
    retainSamples: true,
    throws: true,
  });
  bench.add(name, run, { async: true });
  const [{ result }] = await bench.run();
  if (!('latency' in result)) throw new Error(`${name}: the benchmark ended as ${result.state}`);
  return result.latency.samples ?? [];
}
