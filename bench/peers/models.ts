/** The tasks' models as ONNX files, for the peers that run nothing else. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init, models, nn, serialize, tensor } from '../../lib/index.ts';
import { conv2d, noise } from '../shapes.ts';
import type { Task } from './task.ts';

export interface ModelFiles extends AsyncDisposable {
  /** One for all tasks that differ in nothing but batch or pass. */
  pathFor(task: Task): Promise<string>;
}

export async function openModelFiles(): Promise<ModelFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'gradiograph-bench-'));
  const device = await init({ device: 'wasm', threads: 1 });
  const paths = new Map<string, string>();
  return {
    async pathFor(task) {
      const key = JSON.stringify({ ...task, batch: 0, pass: '', mode: '' });
      const known = paths.get(key);
      if (known) return known;
      const path = join(folder, `${paths.size}.onnx`);
      await writeFile(path, modelOf(task));
      paths.set(key, path);
      return path;
    },
    async [Symbol.asyncDispose]() {
      await device.dispose();
      await rm(folder, { recursive: true });
    },
  };
}

function modelOf(task: Task): Uint8Array {
  if (task.kind === 'network') {
    const model = models[task.network]();
    const bytes = serialize.writeOnnx(model.eval(), [1, 3, task.size, task.size]);
    model.dispose();
    return bytes;
  }
  if (task.kind === 'gemm') {
    const { size } = task;
    const layer = new nn.Linear(size, size, { bias: false });
    const b = noise(size * size);
    const transposed = b.map((_, i) => b[(i % size) * size + Math.floor(i / size)]);
    layer.loadStateDict(new Map([['weight', tensor(transposed, [size, size])]]));
    return serialize.writeOnnx(layer, [size, size]);
  }
  const { in: channels, out, kernel, stride, size } = task.shape;
  const layer = new nn.Conv2d(channels, out, {
    kernelSize: kernel,
    stride,
    padding: conv2d(task.shape, 1).paddingHeight,
    bias: false,
  });
  const weight = noise(out * channels * kernel * kernel);
  layer.loadStateDict(new Map([['weight', tensor(weight, [out, channels, kernel, kernel])]]));
  return serialize.writeOnnx(layer, [1, channels, size, size]);
}
