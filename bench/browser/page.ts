/** Our kernels on WebGL2 beside TensorFlow.js's on WebGL, which the page finds as the global `tf`. */
import type { Device, Storage } from '../../lib/devices/device.ts';
import { createGpuDevice, isSoftwareRenderer } from '../../lib/devices/gpu/open.ts';
import { type Limits, measureLimits } from '../measure/limits.ts';
import { settle } from '../measure/settle.ts';
import { type Sample, summarize } from '../measure/statistics.ts';
import type { Tf } from '../peers/tfjs-api.ts';
import { openTfKernel } from '../peers/tfjs-kernels.ts';
import { openKernel } from '../workload/ours.ts';
import type { KernelTask } from '../workload/tasks.ts';

export interface Contest {
  readonly ours: string;
  readonly theirs: string;
  readonly isSoftware: boolean;
  readonly limits: Limits;
}

export interface Match {
  /** Of milliseconds, from the call until a value of the result is back. */
  readonly ours: Sample;
  readonly theirs: Sample;
  /** Largest difference of the two results over the largest value. */
  readonly difference: number;
}

declare global {
  interface Window {
    openContest(): Promise<Contest>;
    compete(task: KernelTask, seconds: number): Promise<Match>;
  }
}

let tf: Tf;
let device: Device;

window.openContest = async () => {
  tf = (globalThis as unknown as { tf: Tf }).tf;
  device = await createGpuDevice('webgl2');
  if (!(await tf.setBackend('webgl'))) throw new Error('tfjs: no webgl backend');
  return {
    ours: device.description,
    theirs: `tfjs-webgl ${tf.version_core}`,
    isSoftware: isSoftwareRenderer(device.description),
    limits: await measureLimits(device, 1),
  };
};

/** Both once to warm up, when their results are compared, then by turns, who goes first alternating, while there is time. */
window.compete = async (task, seconds) => {
  const start = performance.now();
  const [our, their] = [openOurs(task), openTheirs(task)];
  const difference = distance(await our.result(), await their.result());
  const times: number[] = [];
  const theirTimes: number[] = [];
  let round = 0;
  let left: number;
  do {
    const before = performance.now();
    if (round % 2) theirTimes.push(await time(their.run));
    times.push(await time(our.run));
    if (round % 2 === 0) theirTimes.push(await time(their.run));
    const now = performance.now();
    left = 1000 * seconds - (now - start) - (now - before);
    round++;
  } while (left > 0 && round < MOST_ROUNDS);
  our.close();
  their.close();
  return { ours: summarize(times), theirs: summarize(theirTimes), difference };
};

const MOST_ROUNDS = 15;

interface Side {
  run(): Promise<void>;
  result(): Promise<Float32Array>;
  close(): void;
}

async function time(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function openOurs(task: KernelTask): Side {
  const kernel = openKernel(device, task);
  const once = async <T>(use: (result: Storage) => Promise<T>) => {
    const outputs = kernel.run();
    const used = await use(outputs[0]);
    for (const storage of outputs) device.free(storage);
    return used;
  };
  return {
    run: () => once((result) => settle(device, result)),
    result: () => once((result) => device.read(result)),
    close: kernel.close,
  };
}

function openTheirs(task: KernelTask): Side {
  const kernel = openTfKernel(tf, task);
  return {
    run: async () => (await kernel.run()).dispose(),
    async result() {
      const result = await kernel.run();
      const values = await kernel.values(result);
      result.dispose();
      return values;
    },
    close: kernel.close,
  };
}

function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  let scale = 0;
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return most / scale;
}
