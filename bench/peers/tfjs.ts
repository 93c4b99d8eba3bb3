/** TensorFlow.js in Node: its `wasm` or `cpu` backend. */
import { createRequire } from 'node:module';
import type { NetworkTask } from '../network.ts';
import { conv2d, noise } from '../shapes.ts';
import { forward, type NetworkOps } from './networks.ts';
import { Cannot, type Opened, serve, versionOf } from './serve.ts';
import type { Task } from './task.ts';

interface TfTensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array | number[], shape: readonly number[], dtype?: string): TfTensor;
  variable(initial: TfTensor): TfTensor;
  transpose(x: TfTensor, axes: readonly number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, stride: number, padding: number | 'valid'): TfTensor;
  relu(x: TfTensor): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor): TfTensor;
  div(a: TfTensor, b: TfTensor): TfTensor;
  sqrt(x: TfTensor): TfTensor;
  scalar(value: number): TfTensor;
  moments(x: TfTensor, axes: readonly number[]): { mean: TfTensor; variance: TfTensor };
  maxPool(x: TfTensor, kernel: number, stride: number, padding: number): TfTensor;
  avgPool(x: TfTensor, kernel: number, stride: number, padding: number): TfTensor;
  mean(x: TfTensor, axes?: readonly number[]): TfTensor;
  concat(xs: readonly TfTensor[], axis: number): TfTensor;
  oneHot(indices: TfTensor, depth: number): TfTensor;
  tidy<T>(fn: () => T): T;
  losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  train: {
    momentum(lr: number, momentum: number): { minimize(loss: () => TfTensor, returnCost: true): TfTensor };
  };
  engine(): { runKernel(name: string, inputs: Record<string, TfTensor>, attributes: object): TfTensor };
}

/** NCHW and OIHW, ours, to NHWC and HWIO, TensorFlow's. */
const TO_NHWC = [0, 2, 3, 1];
const TO_HWIO = [2, 3, 1, 0];

const backend = process.argv[2];
const require = createRequire(import.meta.url);
const tf: Tf = require('@tensorflow/tfjs');
if (backend === 'wasm') require('@tensorflow/tfjs-backend-wasm');
if (!(await tf.setBackend(backend))) throw new Error(`tfjs: no ${backend} backend`);

await serve({
  version: versionOf('@tensorflow/tfjs'),
  detail:
    backend === 'wasm'
      ? 'WebAssembly SIMD, 1 thread: it has no threads in Node'
      : 'plain JavaScript, 1 thread',
  async open(task) {
    try {
      return task.kind === 'network' ? await openNetwork(task) : await openKernel(task);
    } catch (error) {
      // tfjs: "Kernel 'Conv2DBackpropFilter' not registered for backend 'wasm'"
      const missing = /'(\w+)' not registered/.exec((error as Error).message);
      throw missing ? new Cannot(`no gradient (no ${missing[1]})`) : error;
    }
  },
});

async function openKernel(task: Exclude<Task, { kind: 'network' }>): Promise<Opened> {
  const compute = task.kind === 'gemm' ? product(task.size) : convolution(task);
  const once = async () => {
    const y = compute();
    const values = await y.data();
    y.dispose();
    return values;
  };
  await once();
  return {
    async run() {
      await once();
    },
    result: once,
  };
}

function product(size: number): () => TfTensor {
  const [a, b] = [0, 1].map(() => tf.tensor(noise(size * size), [size, size]));
  return () => tf.matMul(a, b);
}

function convolution({ shape, batch, pass }: Extract<Task, { kind: 'conv2d' }>): () => TfTensor {
  const g = conv2d(shape, batch);
  const make = (sizes: readonly number[], axes: readonly number[]) =>
    tf.transpose(tf.tensor(noise(sizes.reduce((a, b) => a * b)), sizes), axes);
  const x = make([g.batch, g.inChannels, g.inHeight, g.inWidth], TO_NHWC);
  const filter = make([g.outChannels, g.inChannels, g.kernelHeight, g.kernelWidth], TO_HWIO);
  const dy = make([g.batch, g.outChannels, g.outHeight, g.outWidth], TO_NHWC);
  const attributes = {
    strides: [g.strideHeight, g.strideWidth],
    pad: g.paddingHeight,
    dataFormat: 'NHWC',
    dilations: [1, 1],
    dimRoundingMode: 'floor',
    inputShape: x.shape,
    filterShape: filter.shape,
  };
  const run = (name: string, inputs: Record<string, TfTensor>) => () =>
    tf.engine().runKernel(name, inputs, attributes);
  if (pass === 'forward') return run('Conv2D', { x, filter });
  return pass === 'input grad'
    ? run('Conv2DBackpropInput', { dy, filter })
    : run('Conv2DBackpropFilter', { x, dy });
}

async function openNetwork({ network, mode, batch, size }: NetworkTask): Promise<Opened> {
  const x = tf.tensor(noise(batch * size * size * 3), [batch, size, size, 3]);
  const labels = tf.oneHot(
    tf.tensor(
      Array.from({ length: batch }, (_, i) => i),
      [batch],
      'int32',
    ),
    1000,
  );
  const parameters: TfTensor[] = [];
  const step = () => {
    let next = 0;
    return forward(
      operations(mode === 'training', (shape) => (parameters[next++] ??= initial(shape))),
      network,
      x,
    );
  };
  // tfjs differentiates by the variables that there are before the function is called.
  tf.tidy(step);
  const optimizer = tf.train.momentum(1e-3, 0.9);
  const loss = () => tf.losses.softmaxCrossEntropy(labels, step());
  const compute = () =>
    mode === 'training' ? optimizer.minimize(loss, true) : tf.tidy(() => tf.mean(step()));
  const run = async () => {
    const y = compute();
    const [value] = await y.data();
    y.dispose();
    if (!Number.isFinite(value)) throw new Error(`the result is ${value}`);
  };
  await run();
  return { run };
}

/** He's initialisation for weights `[in, ...]`-last, ones for the rest. */
function initial(shape: readonly number[]): TfTensor {
  const fan = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const values = noise(shape.reduce((a, b) => a * b));
  return tf.variable(
    tf.tensor(shape.length === 1 ? values.fill(1) : values.map((value) => value * Math.sqrt(6 / fan)), shape),
  );
}

function operations(
  trains: boolean,
  parameter: (shape: readonly number[]) => TfTensor,
): NetworkOps<TfTensor> {
  return {
    parameter: (shape) => parameter(shape.length === 4 ? TO_HWIO.map((axis) => shape[axis]) : shape),
    conv2d: (x, weight, stride, padding) => tf.conv2d(x, weight, stride, padding),
    batchNorm(x, scale, shift) {
      if (!trains) return tf.add(tf.mul(x, scale), shift);
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, tf.scalar(1e-5))));
      return tf.add(tf.mul(normal, scale), shift);
    },
    relu: (x) => tf.relu(x),
    maxPool: (x) => tf.maxPool(x, 3, 2, 1),
    avgPool: (x) => tf.avgPool(x, 2, 2, 0),
    globalAvgPool: (x) => tf.mean(x, [1, 2]),
    dense: (x, weight, bias) => tf.add(tf.matMul(x, weight), bias),
    add: (a, b) => tf.add(a, b),
    concat: (xs) => tf.concat(xs, 3),
    share: (x) => x,
  };
}
