/** The tasks' models as ONNX files, for the peers that run nothing else. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init, models, nn, serialize, type Tensor, tensor } from '../../lib/index.ts';
import { noise, sizeOf } from '../workload/shapes.ts';
import { nameOf, type Task } from './task.ts';

/** What is exported, beside the networks. */
const MODELLED: readonly string[] = ['matmul', 'conv2d', 'maxPool2d'];

export interface ModelFiles extends AsyncDisposable {
  /** One for a network in both modes and at any batch; empty where there is none to be had. */
  pathFor(task: Task): Promise<string>;
}

export async function openModelFiles(): Promise<ModelFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'gradiograph-bench-'));
  const device = await init({ device: 'wasm', threads: 1 });
  const paths = new Map<string, string>();
  return {
    async pathFor(task) {
      if (task.kind === 'kernel' && !MODELLED.includes(task.computation.op)) return '';
      const key = task.kind === 'network' ? `${task.network} ${task.size}` : nameOf(task);
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

/** Weights are `noise` of number 1, as the tasks' second operands are. */
function modelOf(task: Task): Uint8Array {
  if (task.kind === 'network') {
    const model = models[task.network]();
    const bytes = serialize.writeOnnx(model.eval(), [1, 3, task.size, task.size]);
    model.dispose();
    return bytes;
  }
  const { computation, operands } = task;
  const [shape, weight] = operands;
  if (computation.op === 'matmul') {
    const { m: size } = computation.g;
    const layer = new nn.Linear(size, size, { bias: false });
    const b = noise(size * size, 1);
    const transposed = b.map((_, i) => b[(i % size) * size + Math.floor(i / size)]);
    return write(layer, shape, tensor(transposed, [size, size]));
  }
  if (computation.op === 'maxPool2d') {
    const { kernelHeight, strideHeight, paddingHeight } = computation.g;
    return write(
      new nn.MaxPool2d({ kernelSize: kernelHeight, stride: strideHeight, padding: paddingHeight }),
      shape,
    );
  }
  if (computation.op !== 'conv2d') throw new Error(`no model of ${nameOf(task)}`);
  const { inChannels, outChannels, kernelHeight, strideHeight, paddingHeight } = computation.g;
  const options = { kernelSize: kernelHeight, stride: strideHeight, padding: paddingHeight, bias: false };
  const layer = new nn.Conv2d(inChannels, outChannels, options);
  return write(layer, shape, tensor(noise(sizeOf(weight), 1), weight));
}

function write(layer: nn.Module, shape: readonly number[], weight?: Tensor): Uint8Array {
  if (weight) layer.loadStateDict(new Map([['weight', weight]]));
  const bytes = serialize.writeOnnx(layer, shape);
  layer.dispose();
  return bytes;
}
