/** ONNX Runtime, native (`onnxruntime-node`) or WebAssembly (`onnxruntime-web`), on models that we wrote. */
import { readFile } from 'node:fs/promises';
import { conv2d, noise } from '../shapes.ts';
import { Cannot, load, serve, versionOf } from './serve.ts';

interface OrtTensor {
  readonly data: Float32Array;
  dispose?(): void;
}

interface Ort {
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: object): Promise<{ output: OrtTensor }>; release(): Promise<void> }>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly env: { wasm: { numThreads?: number } };
}

const [name, threads] = process.argv.slice(2);
const ort = await load<Ort>(name);
if (name === 'onnxruntime-web') ort.env.wasm.numThreads = Number(threads);

await serve({
  version: versionOf(name),
  detail: `${name === 'onnxruntime-web' ? 'WebAssembly SIMD' : 'native'}, ${threads} threads`,
  async open(task) {
    const trains =
      task.kind === 'network' ? task.mode === 'training' : task.kind === 'conv2d' && task.pass !== 'forward';
    if (trains) throw new Cannot('no gradient');
    const shape = inputShape(task);
    const session = await ort.InferenceSession.create(new Uint8Array(await readFile(task.model)), {
      intraOpNumThreads: Number(threads),
      executionProviders: [name === 'onnxruntime-web' ? 'wasm' : 'cpu'],
    });
    const input = new ort.Tensor('float32', noise(shape.reduce((a, b) => a * b)), shape);
    return {
      async run() {
        const { output } = await session.run({ input });
        output.dispose?.();
      },
      result: async () => (await session.run({ input })).output.data,
      close: () => session.release(),
    };
  },
});

function inputShape(task: Parameters<Parameters<typeof serve>[0]['open']>[0]): number[] {
  if (task.kind === 'gemm') return [task.size, task.size];
  if (task.kind === 'network') return [task.batch, 3, task.size, task.size];
  const g = conv2d(task.shape, task.batch);
  return [g.batch, g.inChannels, g.inHeight, g.inWidth];
}
