/** What the device could do at most, measured before the kernels are. */
import { availableParallelism } from 'node:os';
import { defineKernel } from '../kernels/wasm/kernel.ts';
import type { TileShape } from '../kernels/wasm/micro.ts';
import type { Device } from '../lib/devices/device.ts';
import { WasmEngine } from '../lib/devices/wasm-engine.ts';
import { settle } from './settle.ts';
import { gemm, noise } from './shapes.ts';

export interface Limits {
  readonly gflops: number;
  /** What that figure was measured with. */
  readonly compute: string;
  /** Bytes read and written by a copy. */
  readonly gbps: number;
}

export async function measureLimits(device: Device, threads?: number): Promise<Limits> {
  return { ...(await computeLimit(device, threads)), gbps: await copyBandwidth(device) };
}

const ROUNDS = 9;

async function computeLimit(device: Device, threads?: number): Promise<Pick<Limits, 'gflops' | 'compute'>> {
  if (device.name === 'wasm') {
    return { gflops: await microKernelPeak(threads), compute: 'its micro-kernel on operands in L1' };
  }
  const size = 256;
  const [a, b] = [device.upload(noise(size * size)), device.upload(noise(size * size))];
  const seconds = await fastest(device, () => device.matmul(a, b, null, gemm(size, size, size)));
  for (const storage of [a, b]) device.free(storage);
  return { gflops: (2 * size ** 3) / seconds / 1e9, compute: `GEMM ${size}: it shows no micro-kernel` };
}

const COPIED_VALUES = 2 ** 23;

async function copyBandwidth(device: Device): Promise<number> {
  const x = device.upload(noise(COPIED_VALUES));
  const seconds = await fastest(device, () => device.unary('addScalar', x, 0));
  device.free(x);
  return (8 * COPIED_VALUES) / seconds / 1e9;
}

async function fastest(device: Device, run: () => ReturnType<Device['upload']>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    const y = run();
    await settle(device, y);
    if (round > 0) best = Math.min(best, (performance.now() - start) / 1000);
    device.free(y);
  }
  return best;
}

const DEPTH = 256;
const CALLS = 20_000;

const peakKernel = (shape: TileShape) =>
  defineKernel('peak', { a: 'i32', b: 'i32', out: 'i32', outBytes: 'i32' }, ({ f, p, task, library }) => {
    const out = f.i32(p.out.add(task.mul(p.outBytes)));
    const call = f.i32(0);
    f.while(call.lt(CALLS), () => {
      f.call(library.tile, p.a, p.b, out, shape.columns * 4, DEPTH, 0);
      call.set(call.add(1));
    });
  });

/** GFLOPS of the micro-kernel itself on all threads of an engine like the device's. */
async function microKernelPeak(threads?: number): Promise<number> {
  const engine = await WasmEngine.start(threads ?? availableParallelism(), 'auto');
  const { rows, columns } = engine.shape;
  const values = engine.heap.allocate(DEPTH * (rows + columns) * 4);
  const outBytes = rows * columns * 4;
  const out = engine.heap.allocate(outBytes * engine.threads);
  const kernel = peakKernel(engine.shape);
  let best = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    engine.launch(kernel, engine.threads, { a: values, b: values + DEPTH * rows * 4, out, outBytes });
    const seconds = (performance.now() - start) / 1000;
    if (round > 0)
      best = Math.max(best, (2 * DEPTH * rows * columns * CALLS * engine.threads) / seconds / 1e9);
  }
  await engine.stop();
  return best;
}
