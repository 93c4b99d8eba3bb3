/** Times one kernel within its share of the time, by benny. */
import benny from 'benny';
import type { Device } from '../../lib/devices/device.ts';
import { openKernel } from '../workload/ours.ts';
import { type KernelTask, nameOfKernel } from '../workload/tasks.ts';
import { settle } from './settle.ts';
import { type Sample, summarize } from './statistics.ts';

const SAMPLES = 5;
/** Short runs are timed in groups of so many seconds. */
const GROUP = 0.05;

/** Milliseconds of a run: of the one after the first where there is no time for more, else benny's samples. */
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
  const times = left < 3 * once ? [once] : await sample(nameOfKernel(task), run, once, left);
  kernel.close();
  return summarize(times.map((time) => 1000 * time));
}

/** Seconds of several runs. benny runs once more before, to learn that it has to wait. */
async function sample(name: string, run: () => Promise<void>, once: number, left: number): Promise<number[]> {
  const { results } = await quietly(() =>
    benny.suite(
      name,
      benny.add('run', run),
      benny.configure({
        cases: {
          minSamples: Math.min(SAMPLES, Math.floor(left / once) - 1),
          minTime: Math.min(GROUP, left / (2 * SAMPLES)),
          maxTime: left / 2,
        },
      }),
    ),
  );
  return results[0].details.sampleResults;
}

/** benny announces each suite by console.log, and cannot be told not to. */
async function quietly<T>(run: () => Promise<T>): Promise<T> {
  const { log } = console;
  console.log = () => {};
  try {
    return await run();
  } finally {
    console.log = log;
  }
}
