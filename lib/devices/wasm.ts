import {
  type BatchNormForm,
  batchNormGradKernel,
  batchNormKernel,
  batchNormStatisticsKernel,
} from '../../kernels/wasm/batch-norm.ts';
import {
  BINARY,
  FLAT_UNIT,
  flatKernel,
  indexedKernel,
  stepOf,
  UNARY,
  UNARY_GRAD,
  WHERE,
} from '../../kernels/wasm/elementwise.ts';
import { chunks } from '../../kernels/wasm/kernel.ts';
import { copyRowsKernel, scatterKernel } from '../../kernels/wasm/movement.ts';
import { adamKernel, sgdKernel } from '../../kernels/wasm/optim.ts';
import {
  adaptiveAverage,
  avgPoolGradKernel,
  avgPoolKernel,
  maxPoolGradKernel,
  maxPoolKernel,
  slidingAverage,
} from '../../kernels/wasm/pool.ts';
import { reduceKernel } from '../../kernels/wasm/reduce.ts';
import { DeviceError } from '../errors.ts';
import type {
  AdamStep,
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  BatchNormGeometry,
  BinaryOp,
  BroadcastGeometry,
  ChannelGeometry,
  ConcatGeometry,
  Conv2dGeometry,
  Device,
  MatmulGeometry,
  MaxPool2dGeometry,
  PadGeometry,
  ReduceGeometry,
  ReduceOp,
  SgdStep,
  Storage,
  StridedGeometry,
  UnaryGradOp,
  UnaryOp,
} from './device.ts';
import { nodeBuiltin } from './node-builtin.ts';
import { WasmEngine } from './wasm-engine.ts';
import { runConv2d, runConv2dInputGrad, runMatmul } from './wasm-products.ts';
import { describeVariant, type WasmVariant } from './wasm-variant.ts';
import { runConv2dWeightGrad } from './wasm-weight-grad.ts';

/** A block of the engine's memory; `address` is 0 once it is freed. */
export class WasmStorage implements Storage {
  readonly length: number;
  address: number;
  constructor(length: number, address: number) {
    this.length = length;
    this.address = address;
  }
}

export interface WasmOptions {
  /** Threads, the calling one included; default: all cores. One where memory cannot be shared. */
  threads?: number;
  /** Instructions to use; default `'auto'`, or what the environment variable GRADIOGRAPH_WASM says. */
  variant?: 'auto' | WasmVariant;
}

/**
 * Opens the CPU device: WebAssembly SIMD that the library emits, on threads over one shared memory of at most 4 GiB.
 * @throws DeviceError when the engine lacks SIMD, or the variant that was asked for.
 */
export async function createWasmDevice(options: WasmOptions = {}): Promise<WasmDevice> {
  const threads = options.threads ?? (await cores());
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new DeviceError(`wasm: threads is ${threads}, wants an integer from 1 to 256`);
  }
  return new WasmDevice(await WasmEngine.start(threads, options.variant ?? 'auto'));
}

async function cores(): Promise<number> {
  if (typeof process !== 'undefined' && process.versions?.node) {
    const { availableParallelism } = await nodeBuiltin<typeof import('node:os')>('os');
    return availableParallelism();
  }
  return globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
}

/** Values of a task of a memory-bound kernel. */
const CHUNK = 16384;

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/** Row-major strides over the axes where `counts` is true, and 0 on the others. */
function rowMajor(shape: readonly number[], counts: (axis: number) => boolean = () => true): number[] {
  const strides = shape.map(() => 0);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (!counts(axis)) continue;
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** { n0: shape[0], n1: ... }: an argument for each axis. */
const named = (prefix: string, values: readonly number[]): Record<string, number> =>
  Object.fromEntries(values.map((value, axis) => [`${prefix}${axis}`, value]));

/** What tells one batch norm kernel from another. */
const batchNormForm = (
  weight: WasmStorage | null,
  bias: WasmStorage | null,
  residual: WasmStorage | null,
  { relu }: BatchNormGeometry,
): BatchNormForm => ({ weight: weight !== null, bias: bias !== null, residual: residual !== null, relu });

export class WasmDevice implements Device<WasmStorage> {
  readonly name = 'wasm';
  readonly description: string;
  readonly #engine: WasmEngine;
  #disposed = false;

  constructor(engine: WasmEngine) {
    this.#engine = engine;
    const threads = engine.threads === 1 ? '1 thread' : `${engine.threads} threads`;
    this.description = `wasm: ${describeVariant(engine.variant)}, ${threads}`;
  }

  #make(length: number): WasmStorage {
    return new WasmStorage(length, this.#engine.heap.allocate(length * 4));
  }

  #at(x: WasmStorage): number {
    if (!x.address) throw new DeviceError(`wasm: a storage of ${x.length} values is used after it was freed`);
    return x.address;
  }

  upload(data: Float32Array): WasmStorage {
    const storage = this.#make(data.length);
    this.#engine.heap.f32.set(data, storage.address / 4);
    return storage;
  }

  async read(x: WasmStorage): Promise<Float32Array> {
    return this.readSync(x);
  }

  readSync(x: WasmStorage): Float32Array {
    const start = this.#at(x) / 4;
    return new Float32Array(this.#engine.heap.f32.subarray(start, start + x.length));
  }

  free(x: WasmStorage): void {
    if (this.#disposed) return;
    this.#engine.heap.free(this.#at(x));
    x.address = 0;
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    const { bytesInUse, bytesHeld } = this.#engine.heap;
    return { bytesInUse, bytesHeld };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.#engine.stop();
  }

  fill(length: number, value: number): WasmStorage {
    const out = this.#make(length);
    this.#engine.heap.f32.fill(value, out.address / 4, out.address / 4 + length);
    return out;
  }

  #flat(kernel: ReturnType<typeof flatKernel>, x0: WasmStorage, x1: WasmStorage, alpha: number): WasmStorage {
    const out = this.#make(x0.length);
    const { tasks, chunk } = chunks(out.length, CHUNK, FLAT_UNIT);
    this.#engine.launch(kernel, tasks, {
      out: out.address,
      x0: this.#at(x0),
      x1: this.#at(x1),
      length: out.length,
      chunk,
      alpha,
    });
    return out;
  }

  unary(op: UnaryOp, x: WasmStorage, alpha: number): WasmStorage {
    const name = op === 'powScalar' ? (alpha === 2 ? 'square' : 'power') : op;
    return this.#flat(flatKernel(name, 1, UNARY[name]), x, x, alpha);
  }

  unaryGrad(op: UnaryGradOp, dy: WasmStorage, saved: WasmStorage, alpha: number): WasmStorage {
    if (op === 'powScalar' && alpha === 0) return this.unary('mulScalar', dy, 0);
    const name = op === 'powScalar' && alpha === 2 ? 'square' : op;
    return this.#flat(flatKernel(`${name} grad`, 2, UNARY_GRAD[name]), dy, saved, alpha);
  }

  /** An elementwise formula over the geometry's index space. */
  #indexed(
    name: string,
    formula: typeof WHERE,
    operands: readonly { address: number; strides: readonly number[] }[],
    shape: readonly number[],
  ): WasmStorage {
    const rank = shape.length;
    const out = this.#make(product(shape));
    if (!out.length) return out;
    const inner = shape[rank - 1];
    const pieces = Math.ceil(inner / CHUNK);
    const piece = Math.ceil(inner / pieces / 4) * 4;
    const total = (out.length / inner) * pieces;
    const { tasks, chunk } = chunks(total, Math.ceil(CHUNK / Math.min(inner, piece)), 1);
    const steps = operands.map(({ strides }) => stepOf(strides[rank - 1]));
    const args: Record<string, number> = {
      out: out.address,
      total,
      units: chunk,
      pieces,
      piece,
      ...named('n', shape),
    };
    operands.forEach(({ address, strides }, operand) => {
      args[`x${operand}`] = address;
      Object.assign(args, named(`s${operand}_`, strides));
    });
    this.#engine.launch(indexedKernel(name, steps, rank, formula), tasks, args);
    return out;
  }

  binary(op: BinaryOp, a: WasmStorage, b: WasmStorage, { shape, strides }: BroadcastGeometry): WasmStorage {
    if (shape.length === 1 && strides[0][0] === 1 && strides[1][0] === 1) {
      return this.#flat(flatKernel(op, 2, BINARY[op]), a, b, 0);
    }
    const operands = [a, b].map((x, i) => ({ address: this.#at(x), strides: strides[i] }));
    return this.#indexed(op, BINARY[op], operands, shape);
  }

  where(
    condition: WasmStorage,
    a: WasmStorage,
    b: WasmStorage,
    { shape, strides }: BroadcastGeometry,
  ): WasmStorage {
    const operands = [condition, a, b].map((x, i) => ({ address: this.#at(x), strides: strides[i] }));
    return this.#indexed('where', WHERE, operands, shape);
  }

  strided(x: WasmStorage, { shape, strides, offset }: StridedGeometry): WasmStorage {
    if (!shape.length) return this.strided(x, { shape: [1], strides: [1], offset });
    return this.#indexed('copy', ([value]) => value, [{ address: this.#at(x) + offset * 4, strides }], shape);
  }

  reduce(op: ReduceOp, x: WasmStorage, { shape, reduced }: ReduceGeometry): WasmStorage {
    const rank = shape.length;
    const keptSize = product(shape.filter((_, axis) => !reduced[axis]));
    const out = this.#make(keptSize);
    const lastReduced = reduced[rank - 1] ?? true;
    const [sizes, strides] = rank ? [shape, rowMajor(shape)] : [[1], [1]];
    const inner = sizes[sizes.length - 1];
    const total = lastReduced ? keptSize : (keptSize / inner) * Math.ceil(inner / 4);
    if (!total) return out;
    const turns = product(shape) / keptSize / (lastReduced ? inner : 1);
    const { tasks, chunk } = chunks(total, Math.max(1, Math.floor((CHUNK * total) / x.length)), 1);
    this.#engine.launch(reduceKernel(op, sizes.length, lastReduced), tasks, {
      x: this.#at(x),
      out: out.address,
      total,
      units: chunk,
      turns,
      ...named('n', sizes),
      ...named('s', strides),
    });
    return out;
  }

  pad(x: WasmStorage, { shape, before, after, interior, value }: PadGeometry): WasmStorage {
    const outShape = shape.map(
      (n, axis) => before[axis] + n + Math.max(0, n - 1) * interior[axis] + after[axis],
    );
    const out = this.fill(product(outShape), value);
    const rows = x.length / (shape[shape.length - 1] ?? 1);
    if (!x.length || !shape.length) return out;
    const strides = rowMajor(outShape);
    const first = before.reduce((sum, n, axis) => sum + n * strides[axis], 0);
    const steps = strides.map((stride, axis) => stride * (interior[axis] + 1));
    const { tasks, chunk } = chunks(rows, Math.ceil((CHUNK * rows) / x.length), 1);
    this.#engine.launch(scatterKernel(shape.length, steps[shape.length - 1] === 1), tasks, {
      x: this.#at(x),
      out: out.address + first * 4,
      total: rows,
      units: chunk,
      ...named('n', shape),
      ...named('s', steps),
    });
    return out;
  }

  concat(xs: readonly WasmStorage[], { outer, sizes, inner }: ConcatGeometry): WasmStorage {
    const rowLength = sizes.reduce((sum, size) => sum + size, 0) * inner;
    const out = this.#make(outer * rowLength);
    let first = 0;
    xs.forEach((x, i) => {
      const width = sizes[i] * inner;
      const pieces = Math.ceil(width / CHUNK);
      const total = outer * pieces;
      if (!total) return;
      const piece = Math.ceil(width / pieces);
      const { tasks, chunk } = chunks(total, Math.ceil(CHUNK / piece), 1);
      this.#engine.launch(copyRowsKernel, tasks, {
        x: this.#at(x),
        out: out.address + first * 4,
        strideX: width,
        strideOut: rowLength,
        width,
        pieces,
        piece,
        total,
        units: chunk,
      });
      first += width;
    });
    return out;
  }

  matmul(a: WasmStorage, b: WasmStorage, bias: WasmStorage | null, g: MatmulGeometry): WasmStorage {
    if (g.k === 0) return this.#noTerms(g, bias);
    const out = this.#make(g.batch * g.m * g.n);
    if (!out.length) return out;
    const operands = { a: this.#at(a), b: this.#at(b), bias: bias && this.#at(bias), out: out.address };
    runMatmul(this.#engine, operands, g);
    return out;
  }

  /** A product over an empty k: zeros, or the bias. */
  #noTerms({ batch, m, n }: MatmulGeometry, bias: WasmStorage | null): WasmStorage {
    if (!bias) return this.fill(batch * m * n, 0);
    return this.strided(bias, { shape: [batch * m, n], strides: [0, 1], offset: 0 });
  }

  conv2d(x: WasmStorage, weight: WasmStorage, bias: WasmStorage | null, g: Conv2dGeometry): WasmStorage {
    const out = this.#make(g.batch * g.outChannels * g.outHeight * g.outWidth);
    const operands = {
      x: this.#at(x),
      weight: this.#at(weight),
      bias: bias && this.#at(bias),
      out: out.address,
    };
    if (out.length) runConv2d(this.#engine, operands, g);
    return out;
  }

  conv2dInputGrad(dy: WasmStorage, weight: WasmStorage, g: Conv2dGeometry): WasmStorage {
    const out = this.#make(g.batch * g.inChannels * g.inHeight * g.inWidth);
    const operands = { dy: this.#at(dy), weight: this.#at(weight), out: out.address };
    if (out.length) runConv2dInputGrad(this.#engine, operands, g);
    return out;
  }

  conv2dWeightGrad(x: WasmStorage, dy: WasmStorage, g: Conv2dGeometry): WasmStorage {
    const length = g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth;
    if (!dy.length) return this.fill(length, 0);
    const out = this.#make(length);
    runConv2dWeightGrad(this.#engine, { x: this.#at(x), dy: this.#at(dy), out: out.address }, g);
    return out;
  }

  /** Runs a pooling kernel over its planes. */
  #pool(
    kernel: ReturnType<typeof maxPoolKernel>,
    x: WasmStorage,
    indices: WasmStorage | null,
    out: WasmStorage,
    planes: number,
  ): void {
    if (!planes) return;
    const { tasks, chunk } = chunks(planes, Math.ceil((CHUNK * planes) / x.length), 1);
    this.#engine.launch(kernel, tasks, {
      x: this.#at(x),
      out: out.address,
      indices: indices ? this.#at(indices) : 0,
      planes,
      units: chunk,
    });
  }

  maxPool2d(x: WasmStorage, g: MaxPool2dGeometry): { output: WasmStorage; indices: WasmStorage } {
    const planes = g.batch * g.channels;
    const output = this.#make(planes * g.outHeight * g.outWidth);
    const indices = this.#make(output.length);
    this.#pool(maxPoolKernel(g), x, indices, output, planes);
    return { output, indices };
  }

  maxPool2dGrad(dy: WasmStorage, indices: WasmStorage, g: MaxPool2dGeometry): WasmStorage {
    const planes = g.batch * g.channels;
    const out = this.#make(planes * g.inHeight * g.inWidth);
    this.#pool(maxPoolGradKernel(g), dy, indices, out, planes);
    return out;
  }

  avgPool2d(x: WasmStorage, g: AvgPool2dGeometry): WasmStorage {
    const out = this.#make(g.batch * g.channels * g.outHeight * g.outWidth);
    this.#pool(avgPoolKernel(g, slidingAverage(g)), x, null, out, g.batch * g.channels);
    return out;
  }

  avgPool2dGrad(dy: WasmStorage, g: AvgPool2dGeometry): WasmStorage {
    const out = this.#make(g.batch * g.channels * g.inHeight * g.inWidth);
    this.#pool(avgPoolGradKernel(g, slidingAverage(g)), dy, null, out, g.batch * g.channels);
    return out;
  }

  adaptiveAvgPool2d(x: WasmStorage, g: AdaptivePool2dGeometry): WasmStorage {
    const out = this.#make(g.batch * g.channels * g.outHeight * g.outWidth);
    this.#pool(avgPoolKernel(g, adaptiveAverage(g)), x, null, out, g.batch * g.channels);
    return out;
  }

  adaptiveAvgPool2dGrad(dy: WasmStorage, g: AdaptivePool2dGeometry): WasmStorage {
    const out = this.#make(g.batch * g.channels * g.inHeight * g.inWidth);
    this.#pool(avgPoolGradKernel(g, adaptiveAverage(g)), dy, null, out, g.batch * g.channels);
    return out;
  }

  batchNormStatistics(
    x: WasmStorage,
    { batch, channels, spatial }: ChannelGeometry,
  ): { mean: WasmStorage; variance: WasmStorage } {
    const [mean, variance] = [this.#make(channels), this.#make(channels)];
    this.#engine.launch(batchNormStatisticsKernel, channels, {
      x: this.#at(x),
      mean: mean.address,
      variance: variance.address,
      batch,
      channels,
      spatial,
    });
    return { mean, variance };
  }

  batchNorm(
    xs: readonly WasmStorage[],
    mean: WasmStorage,
    variance: WasmStorage,
    weight: WasmStorage | null,
    bias: WasmStorage | null,
    residual: WasmStorage | null,
    g: BatchNormGeometry,
  ): WasmStorage {
    const channels = sum(g.channels);
    const rows = g.batch * channels;
    const out = this.#make(rows * g.spatial);
    if (!out.length) return out;
    const form = batchNormForm(weight, bias, residual, g);
    const { tasks, chunk } = chunks(rows, Math.ceil(CHUNK / g.spatial), 1);
    this.#withPlaces(xs, xs, g, (places) =>
      this.#engine.launch(batchNormKernel(form), tasks, {
        ...this.#batchNormArguments(mean, variance, weight, bias, residual, g),
        places,
        out: out.address,
        rows: chunk,
      }),
    );
    return out;
  }

  batchNormGrad(
    dy: WasmStorage,
    xs: readonly WasmStorage[],
    mean: WasmStorage,
    variance: WasmStorage,
    weight: WasmStorage | null,
    bias: WasmStorage | null,
    residual: WasmStorage | null,
    training: boolean,
    g: BatchNormGeometry,
  ): { inputs: WasmStorage[]; weight: WasmStorage; bias: WasmStorage; residual: WasmStorage | null } {
    const channels = sum(g.channels);
    const inputs = xs.map((x) => this.#make(x.length));
    const [dWeight, dBias] = [this.#make(channels), this.#make(channels)];
    const dResidual = g.relu && residual ? this.#make(dy.length) : null;
    const form = batchNormForm(weight, bias, residual, g);
    this.#withPlaces(xs, inputs, g, (places) =>
      this.#engine.launch(batchNormGradKernel(form, training), channels, {
        ...this.#batchNormArguments(mean, variance, weight, bias, residual, g),
        places,
        dy: this.#at(dy),
        dResidual: dResidual?.address ?? 0,
        dWeight: dWeight.address,
        dBias: dBias.address,
      }),
    );
    return { inputs, weight: dWeight, bias: dBias, residual: dResidual };
  }

  #batchNormArguments(
    mean: WasmStorage,
    variance: WasmStorage,
    weight: WasmStorage | null,
    bias: WasmStorage | null,
    residual: WasmStorage | null,
    { batch, channels, spatial, eps }: BatchNormGeometry,
  ) {
    return {
      mean: this.#at(mean),
      variance: this.#at(variance),
      weight: weight ? this.#at(weight) : 0,
      bias: bias ? this.#at(bias) : 0,
      residual: residual ? this.#at(residual) : 0,
      batch,
      channels: sum(channels),
      spatial,
      eps,
    };
  }

  /** Calls `use` with the address of the table of channels that the batch norm kernels read. */
  #withPlaces(
    xs: readonly WasmStorage[],
    outputs: readonly WasmStorage[],
    { channels, spatial }: BatchNormGeometry,
    use: (places: number) => void,
  ): void {
    const table = channels.flatMap((count, part) => {
      const [x, output] = [this.#at(xs[part]), this.#at(outputs[part])];
      const run = 4 * spatial;
      return Array.from({ length: count }, (_, c) => [x + c * run, count * run, output + c * run]).flat();
    });
    this.#engine.withScratch(4 * table.length, (places) => {
      this.#engine.heap.i32.set(table, places / 4);
      use(places);
    });
  }

  sgdStep(
    param: WasmStorage,
    grad: WasmStorage,
    velocity: WasmStorage | null,
    s: SgdStep,
  ): { param: WasmStorage; velocity: WasmStorage | null } {
    const kind = s.momentum === 0 ? 'none' : velocity ? 'later' : 'first';
    const moving = s.momentum === 0 ? null : (velocity ?? this.#make(param.length));
    const { tasks, chunk } = chunks(param.length, CHUNK);
    this.#engine.launch(sgdKernel(kind, s.nesterov), tasks, {
      param: this.#at(param),
      grad: this.#at(grad),
      velocity: moving ? this.#at(moving) : 0,
      length: param.length,
      chunk,
      lr: s.lr,
      momentum: s.momentum,
      damp: 1 - s.dampening,
      decay: s.weightDecay,
      sign: s.maximize ? -1 : 1,
    });
    return { param, velocity: moving };
  }

  adamStep(
    param: WasmStorage,
    grad: WasmStorage,
    mean: WasmStorage,
    square: WasmStorage,
    s: AdamStep,
  ): { param: WasmStorage; mean: WasmStorage; square: WasmStorage } {
    const { tasks, chunk } = chunks(param.length, CHUNK);
    this.#engine.launch(adamKernel, tasks, {
      param: this.#at(param),
      grad: this.#at(grad),
      mean: this.#at(mean),
      square: this.#at(square),
      length: param.length,
      chunk,
      size: s.lr / (1 - s.beta1 ** s.step),
      root: Math.sqrt(1 - s.beta2 ** s.step),
      beta1: s.beta1,
      rest1: 1 - s.beta1,
      beta2: s.beta2,
      rest2: 1 - s.beta2,
      eps: s.eps,
      decay: s.decoupled ? 0 : s.weightDecay,
      shrink: s.decoupled ? 1 - s.lr * s.weightDecay : 1,
    });
    return { param, mean, square };
  }
}
