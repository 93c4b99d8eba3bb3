/** ONNX Runtime, native (`onnxruntime-node`) or WebAssembly (`onnxruntime-web`), on models that we wrote. */
import { readFile } from 'node:fs/promises';
import { noise, sizeOf } from '../workload/shapes.ts';
import { load, serve, versionOf } from './serve.ts';
import { Cannot } from './stage.ts';

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
  detail: `${name === 'onnxruntime-web' ? 'WebAssembly SIMD' : 'native'}, ${threads} threads; Node ${process.versions.node}`,
  async open(task) {
    if (task.kind === 'network' ? task.mode === 'training' : task.pass !== 'forward') {
      throw new Cannot('no gradient');
    }
    if (task.kind === 'kernel' && task.computation.op === 'batchNorm') {
      throw new Cannot("no batch norm by the batch's statistics");
    }
    const session = await ort.InferenceSession.create(new Uint8Array(await readFile(task.model)), {
      intraOpNumThreads: Number(threads),
      executionProviders: [name === 'onnxruntime-web' ? 'wasm' : 'cpu'],
    });
    const shape = task.kind === 'network' ? [task.batch, 3, task.size, task.size] : task.operands[0];
    const input = new ort.Tensor('float32', noise(sizeOf(shape)), shape);
    let last: OrtTensor | null = null;
    return {
      async run() {
        last?.dispose?.();
        last = (await session.run({ input })).output;
      },
      async result() {
        if (!last) throw new Error('no run yet');
        return last.data;
      },
      close() {
        void session.release();
      },
    };
  },
});
