/** jax-js on its `wasm` backend, under `jit`. */
import type { NetworkTask } from '../workload/networks.ts';
import { noise, sizeOf } from '../workload/shapes.ts';
import type { Computation, KernelTask } from '../workload/tasks.ts';
import { forward, type NetworkOps } from './networks.ts';
import { load, serve, versionOf } from './serve.ts';
import { Cannot, type Opened } from './stage.ts';

/** Arrays are used up by what they are passed to; `ref` gives one more. */
interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: readonly number[];
  dispose(): void;
  data(): Promise<Float32Array>;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
}

type Pairs = readonly (readonly [number, number])[];

interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): unknown;
  jit<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R;
  vjp(fn: (x: JaxArray) => JaxArray, primals: readonly [JaxArray]): [JaxArray, (dy: JaxArray) => JaxArray[]];
  valueAndGrad(
    fn: (parameters: JaxArray[], x: JaxArray) => JaxArray,
  ): (parameters: JaxArray[], x: JaxArray) => [JaxArray, JaxArray[]];
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: readonly number[], padding: Pairs): JaxArray;
    reduceWindow(
      x: JaxArray,
      fn: (window: JaxArray) => JaxArray,
      size: readonly number[],
      strides: readonly number[],
    ): JaxArray;
  };
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    maximum(a: JaxArray, b: JaxArray | number): JaxArray;
    max(x: JaxArray): JaxArray;
    mean(x: JaxArray, axes?: readonly number[], options?: { keepdims: boolean }): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    pad(x: JaxArray, widths: Pairs): JaxArray;
    concatenate(xs: readonly JaxArray[], axis: number): JaxArray;
  };
  readonly nn: { logSoftmax(x: JaxArray): JaxArray };
}

const jax = await load<Jax>('@jax-js/jax');
const { lax, numpy: np } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

await serve({
  version: versionOf('@jax-js/jax'),
  detail: `wasm backend under jit; says nothing of threads; Node ${process.versions.node}`,
  open: async (task) => (task.kind === 'network' ? openNetwork(task) : openKernel(task)),
});

function array(shape: readonly number[], scale = 1, number = 0): JaxArray {
  const values = noise(sizeOf(shape), number);
  return np.array(scale === 1 ? values : values.map((value) => value * scale)).reshape(shape);
}

function openKernel({ operands, computation }: KernelTask): Opened {
  const given = operands.map((shape, i) => array(shape, 1, i));
  const { inputs, compute } = prepare(computation, given);
  const compiled = jax.jit(compute);
  let last: JaxArray | null = null;
  return {
    async run() {
      last?.dispose();
      last = compiled(...inputs.map((x) => x.ref));
      await last.blockUntilReady();
    },
    async result() {
      if (!last) throw new Error('no run yet');
      return last.ref.data();
    },
    close() {
      for (const x of [...inputs, last]) x?.dispose();
    },
  };
}

interface Computed {
  readonly inputs: JaxArray[];
  readonly compute: (...inputs: JaxArray[]) => JaxArray;
}

/** Gradients are the library's own, by `vjp`: of the forward pass at x, in the direction dy. */
function prepare(computation: Computation, given: JaxArray[]): Computed {
  const gradient = (fn: (x: JaxArray) => JaxArray, at: JaxArray, cotangent: JaxArray) => {
    const [y, pullBack] = jax.vjp(fn, [at]);
    y.dispose();
    return pullBack(cotangent)[0];
  };
  switch (computation.op) {
    case 'matmul':
      return { inputs: given, compute: (a, b) => np.matmul(a, b) };
    case 'conv2d':
    case 'conv2dInputGrad':
    case 'conv2dWeightGrad': {
      const { g, op } = computation;
      const conv = (x: JaxArray, w: JaxArray) => convolve(x, w, g.strideHeight, g.paddingHeight);
      if (op === 'conv2d') return { inputs: given, compute: conv };
      // The convolution is linear in each argument, so a value of the one that is differentiated is not used.
      if (op === 'conv2dInputGrad') {
        const x = array([g.batch, g.inChannels, g.inHeight, g.inWidth]);
        return { inputs: [x, ...given], compute: (at, dy, w) => gradient((own) => conv(own, w), at, dy) };
      }
      const w = array([g.outChannels, g.inChannels, g.kernelHeight, g.kernelWidth]);
      return { inputs: [w, ...given], compute: (at, x, dy) => gradient((own) => conv(x, own), at, dy) };
    }
    case 'batchNorm':
      return { inputs: given, compute: (x, w, b) => np.maximum(normalise(x, w, b), 0) };
    case 'batchNormGrad':
      return {
        inputs: given,
        compute: (dy, x, w, b) => gradient((own) => np.maximum(normalise(own, w, b), 0), x, dy),
      };
    case 'maxPool2d':
      return { inputs: given, compute: (x) => maxPool(x.add(1)).add(-1) };
    case 'maxPool2dGrad':
      return { inputs: given, compute: (dy, x) => gradient((own) => maxPool(own.add(1)), x, dy) };
    default:
      throw new Cannot('not compared');
  }
}

function convolve(x: JaxArray, w: JaxArray, stride: number, padding: number): JaxArray {
  return lax.convGeneralDilated(
    x,
    w,
    [stride, stride],
    [
      [padding, padding],
      [padding, padding],
    ],
  );
}

function perChannel(x: JaxArray): JaxArray {
  return x.reshape([1, -1, 1, 1]);
}

/** Batch norm by the batch's own statistics. */
function normalise(x: JaxArray, scale: JaxArray, shift: JaxArray): JaxArray {
  const centred = x.ref.sub(np.mean(x, [0, 2, 3], { keepdims: true }));
  const variance = np.mean(centred.ref.mul(centred.ref), [0, 2, 3], { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(perChannel(scale))
    .add(perChannel(shift));
}

/** 3x3, stride 2, padding 1 of zeros, which change nothing where no value is negative. */
function maxPool(x: JaxArray): JaxArray {
  const widths: Pairs = [
    [0, 0],
    [0, 0],
    [1, 1],
    [1, 1],
  ];
  return lax.reduceWindow(np.pad(x, widths), (window) => np.max(window), [1, 1, 3, 3], [1, 1, 2, 2]);
}

function openNetwork({ network, mode, batch, size }: NetworkTask): Opened {
  let parameters: JaxArray[] = [];
  forward(
    operations(false, (shape) => {
      const fan = shape.slice(1).reduce((a, b) => a * b, 1);
      const made = array(shape, shape.length === 1 ? 1 : Math.sqrt(6 / fan));
      parameters.push(made);
      return made.ref;
    }),
    network,
    array([1, 3, size, size]),
  ).dispose();
  const x = array([batch, 3, size, size]);
  const logits = (own: readonly JaxArray[], input: JaxArray) => {
    let next = 0;
    return forward(
      operations(mode === 'training', () => own[next++]),
      network,
      input,
    );
  };
  const refs = (arrays: readonly JaxArray[]) => arrays.map(({ ref }) => ref);
  const report = async (value: JaxArray) => {
    const [number] = await value.data();
    if (!Number.isFinite(number)) throw new Error(`the result is ${number}`);
  };
  if (mode === 'inference') {
    const infer = jax.jit((own: JaxArray[], input: JaxArray) => np.mean(logits(own, input)));
    return { run: () => report(infer(refs(parameters), x.ref)) };
  }
  const classes = np
    .array(Float32Array.from({ length: batch * 1000 }, (_, i) => (i % 1001 === 0 ? 1 : 0)))
    .reshape([batch, 1000]);
  const lossAndGradients = jax.valueAndGrad((own, input) =>
    np.mean(jax.nn.logSoftmax(logits(own, input)).mul(classes.ref)).mul(-1000),
  );
  const step = jax.jit((own: JaxArray[], velocities: JaxArray[], input: JaxArray) => {
    const [loss, gradients] = lossAndGradients(refs(own), input);
    const moved = velocities.map((velocity, i) => velocity.mul(0.9).add(gradients[i]));
    return { loss, own: own.map((value, i) => value.sub(moved[i].ref.mul(1e-3))), velocities: moved };
  });
  let velocities = parameters.map(({ ref }) => ref.mul(0));
  return {
    async run() {
      const after = step(parameters, velocities, x.ref);
      parameters = after.own;
      velocities = after.velocities;
      await report(after.loss);
    },
  };
}

function operations(
  trains: boolean,
  parameter: (shape: readonly number[]) => JaxArray,
): NetworkOps<JaxArray> {
  return {
    parameter,
    conv2d: convolve,
    batchNorm(x, scale, shift) {
      return trains ? normalise(x, scale, shift) : x.mul(perChannel(scale)).add(perChannel(shift));
    },
    relu: (x) => np.maximum(x, 0),
    maxPool,
    avgPool: (x) => lax.reduceWindow(x, (window) => np.mean(window), [1, 1, 2, 2], [1, 1, 2, 2]),
    globalAvgPool: (x) => np.mean(x, [2, 3]),
    dense: (x, weight, bias) => np.matmul(x, weight).add(bias),
    add: (a, b) => a.add(b),
    concat: (xs) => np.concatenate(xs, 1),
    share: (x) => x.ref,
  };
}
