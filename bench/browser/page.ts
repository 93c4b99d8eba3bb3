import type { Conv2dGeometry, Device, MatmulGeometry, Storage } from '../../lib/devices/device.ts';
import { createGpuDevice } from '../../lib/devices/gpu.ts';
import { CONVS, GEMMS } from './shapes.ts';
import { openTfjs } from './tfjs.ts';

/** One op of one library: milliseconds of a run, from the call until its values are back, and those values. */
export interface Entry {
  time(): Promise<number>;
  result(): Promise<Float32Array>;
}

export type ConvOp = 'forward' | 'input gradient' | 'weight gradient';

export interface Contestant {
  readonly name: string;
  matmul(g: MatmulGeometry, a: Float32Array, b: Float32Array): Entry;
  conv2d(g: Conv2dGeometry, x: Float32Array, w: Float32Array, dy: Float32Array): Record<ConvOp, Entry>;
}

export interface Row {
  readonly shape: string;
  readonly op: string;
  readonly gflop: number;
  /** Median milliseconds. */
  readonly theirs: number;
  readonly ours: number;
  /** Largest difference of the two results over the largest value. */
  readonly difference: number;
}

export interface Report {
  readonly ours: string;
  readonly theirs: string;
  readonly rows: readonly Row[];
}

declare global {
  interface Window {
    contest(repeats: number): Promise<Report>;
  }
}

/** Every shape and op on both libraries, `repeats` times after one run to warm up; who goes first alternates. */
window.contest = async (repeats) => {
  const device = await createGpuDevice('webgl2');
  const ours = openOurs(device);
  const theirs = await openTfjs();
  const rows: Row[] = [];
  const compare = async (shape: string, op: string, gflop: number, our: Entry, their: Entry) => {
    const difference = distance(await our.result(), await their.result());
    const [times, theirTimes]: [number[], number[]] = [[], []];
    for (let i = 0; i < repeats; i++) {
      const first = i % 2 === 0;
      if (first) theirTimes.push(await their.time());
      times.push(await our.time());
      if (!first) theirTimes.push(await their.time());
    }
    rows.push({ shape, op, gflop, theirs: median(theirTimes), ours: median(times), difference });
  };
  for (const [shape, g] of Object.entries(GEMMS)) {
    const [a, b] = [noise(g.m * g.k), noise(g.k * g.n)];
    const gflop = (2 * g.m * g.n * g.k) / 1e9;
    await compare(shape, 'forward', gflop, ours.matmul(g, a, b), theirs.matmul(g, a, b));
  }
  for (const [shape, g] of Object.entries(CONVS)) {
    const x = noise(g.batch * g.inChannels * g.inHeight * g.inWidth);
    const w = noise(g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth);
    const dy = noise(g.batch * g.outChannels * g.outHeight * g.outWidth);
    const gflop = (2 * dy.length * g.inChannels * g.kernelHeight * g.kernelWidth) / 1e9;
    const [our, their] = [ours.conv2d(g, x, w, dy), theirs.conv2d(g, x, w, dy)];
    for (const op of Object.keys(our) as ConvOp[]) await compare(shape, op, gflop, our[op], their[op]);
  }
  return { ours: device.description, theirs: theirs.name, rows };
};

function openOurs(device: Device): Contestant {
  const entry = (make: () => Storage): Entry => ({
    time: async () => {
      const start = performance.now();
      const y = make();
      await device.read(y);
      const ms = performance.now() - start;
      device.free(y);
      return ms;
    },
    result: async () => {
      const y = make();
      const values = await device.read(y);
      device.free(y);
      return values;
    },
  });
  return {
    name: device.description,
    matmul(g, a, b) {
      const [left, right] = [device.upload(a), device.upload(b)];
      return entry(() => device.matmul(left, right, null, g));
    },
    conv2d(g, x, w, dy) {
      const [input, weight, gradient] = [device.upload(x), device.upload(w), device.upload(dy)];
      return {
        forward: entry(() => device.conv2d(input, weight, null, g)),
        'input gradient': entry(() => device.conv2dInputGrad(gradient, weight, g)),
        'weight gradient': entry(() => device.conv2dWeightGrad(input, gradient, g)),
      };
    },
  };
}

/** Values in [-1, 1), the same on every call of one length. */
function noise(length: number): Float32Array {
  let state = length;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
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

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
