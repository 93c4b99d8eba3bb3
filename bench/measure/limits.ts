/** What a device could do at most, measured before its kernels are. */
import { defineKernel } from '../../kernels/wasm/emit/kernel.ts';
import type { TileShape } from '../../kernels/wasm/gemm/micro-kernel.ts';
import type { Device } from '../../lib/devices/device.ts';
import { WasmEngine } from '../../lib/devices/wasm/engine.ts';
import { noise } from '../workload/shapes.ts';
import { settle } from './settle.ts';

export interface Limits {
  readonly gflops: number;
  /** What that figure was measured with. */
  readonly compute: string;
  /** Copies: bytes that one reads and writes, and how many of them a second, in 1e9. Small ones stay in caches. */
  readonly copies: readonly { readonly bytes: number; readonly gbps: number }[];
}

/** @param threads of the wasm device, as it was opened with */
export async function measureLimits(device: Device, threads: number): Promise<Limits> {
  const copies: Limits['copies'][number][] = [];
  for (const bytes of COPY_BYTES) copies.push({ bytes, gbps: await copyBandwidth(device, bytes) });
  if (device.name === 'wasm') {
    return { gflops: await microKernelPeak(threads), compute: 'its micro-kernel on operands in L1', copies };
  }
  return { gflops: await gpuJsPeak(device.name), compute: 'multiply-adds of a gpu.js kernel', copies };
}

/** Milliseconds below which so many operations and bytes cannot be had: the longer of what computing and copying take. */
export function leastMs(limits: Limits, flops: number, bytes: number): number {
  return Math.max(flops / limits.gflops, bytes / bandwidthAt(limits, bytes)) / 1e6;
}

/** That of the copy nearest in size, or between two by their distance, on a logarithmic scale. */
function bandwidthAt({ copies }: Limits, bytes: number): number {
  const above = copies.findIndex((copy) => copy.bytes >= bytes);
  if (above === 0) return copies[0].gbps;
  if (above === -1) return copies[copies.length - 1].gbps;
  const [low, high] = [copies[above - 1], copies[above]];
  const share = Math.log(bytes / low.bytes) / Math.log(high.bytes / low.bytes);
  return low.gbps + (high.gbps - low.gbps) * share;
}

export function describeLimits({ gflops, compute, copies }: Limits): string {
  const rates = copies.map(({ bytes, gbps }) => `${gbps.toFixed(1)} of ${bytes / 2 ** 20} MiB`);
  return `at most ${gflops.toFixed(1)} GFLOPS (${compute}); GB/s of copies, reads and writes: ${rates.join(', ')}`;
}

const COPY_BYTES = [2, 8, 32, 128].map((mebibytes) => mebibytes * 2 ** 20);
const ROUNDS = 9;

async function copyBandwidth(device: Device, bytes: number): Promise<number> {
  const x = device.upload(noise(bytes / 8));
  const ms = await fastest(async () => {
    const y = device.unary('addScalar', x, 0);
    await settle(device, y);
    device.free(y);
  });
  device.free(x);
  return bytes / ms / 1e6;
}

/** Milliseconds of the shortest of several runs, after one to warm up. */
async function fastest(run: () => Promise<unknown>): Promise<number> {
  await run();
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const DEPTH = 256;
const CALLS = 20_000;

const peakKernel = (shape: TileShape) =>
  defineKernel('peak', { a: 'i32', b: 'i32', out: 'i32', outBytes: 'i32' }, ({ f, p, task, imports }) => {
    const out = f.i32(p.out.add(task.mul(p.outBytes)));
    const call = f.i32(0);
    f.while(call.lt(CALLS), () => {
      f.call(imports.tile, p.a, p.b, out, shape.columns * 4, DEPTH, 0);
      call.set(call.add(1));
    });
  });

/** GFLOPS of the micro-kernel itself on all threads of an engine like the device's. */
async function microKernelPeak(threads: number): Promise<number> {
  const engine = await WasmEngine.start(threads, 'auto');
  const { rows, columns } = engine.shape;
  const values = engine.heap.allocate(DEPTH * (rows + columns) * 4);
  const outBytes = rows * columns * 4;
  const out = engine.heap.allocate(outBytes * engine.threads);
  const kernel = peakKernel(engine.shape);
  const ms = await fastest(async () =>
    engine.launch(kernel, engine.threads, { a: values, b: values + DEPTH * rows * 4, out, outBytes }),
  );
  await engine.stop();
  return (2 * DEPTH * rows * columns * CALLS * engine.threads) / ms / 1e6;
}

const CHAINS = 8;
const LENGTH = 500;
/** Milliseconds that a run must take before its rate is believed. */
const LONG_ENOUGH = 20;
const MOST_OUTPUTS = 2 ** 22;

type AsyncKernel = (x: Float32Array) => Promise<Float32Array>;
interface Gpu {
  createKernel(source: string, settings: { output: number[] }): AsyncKernel;
  destroy(): Promise<void>;
}

/** GFLOPS of independent chains of multiply-adds in registers, on more and more outputs until a run is long enough. */
async function gpuJsPeak(mode: string): Promise<number> {
  const module = (await import('gpu.js')) as unknown as { GPU?: unknown; default?: { GPU: unknown } };
  const GPU = (module.GPU ?? module.default?.GPU) as new (settings: { mode: string }) => Gpu;
  const chains = Array.from({ length: CHAINS }, (_, i) => `v${i}`);
  const source = `function (x) {
    const s = x[this.thread.x];
    ${chains.map((name, i) => `let ${name} = s + ${i}.5;`).join('\n')}
    for (let i = 0; i < ${LENGTH}; i++) { ${chains.map((name) => `${name} = ${name} * s + 0.25;`).join(' ')} }
    return ${chains.join(' + ')};
  }`;
  const gpu = new GPU({ mode });
  for (let outputs = 2 ** 12; ; outputs *= 4) {
    const kernel = gpu.createKernel(source, { output: [outputs] });
    const x = new Float32Array(outputs).fill(0.5);
    const ms = await fastest(async () => {
      const [first] = await kernel(x);
      if (!(Math.abs(first - CHAINS / 2) < 0.01)) throw new Error(`multiply-adds gave ${first}`);
    });
    if (ms > LONG_ENOUGH || outputs === MOST_OUTPUTS) {
      await gpu.destroy();
      return (2 * CHAINS * LENGTH * outputs) / ms / 1e6;
    }
  }
}
