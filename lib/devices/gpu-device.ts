import * as norm from '../../kernels/gpu/batch-norm.ts';
import { channelTotalsProgram } from '../../kernels/gpu/batch-norm.ts';
import * as conv from '../../kernels/gpu/conv2d.ts';
import * as elementwise from '../../kernels/gpu/elementwise.ts';
import { matmulProgram } from '../../kernels/gpu/matmul.ts';
import * as optim from '../../kernels/gpu/optim.ts';
import { type Pointwise, pointwiseProgram } from '../../kernels/gpu/pointwise.ts';
import * as pool from '../../kernels/gpu/pool.ts';
import type { Program } from '../../kernels/gpu/program.ts';
import { reduceChunk, reduceProgram } from '../../kernels/gpu/reduce.ts';
import { concatProgram, padProgram, stridedProgram, takesOffset } from '../../kernels/gpu/strided.ts';
import { DeviceError } from '../errors.ts';
import {
  composedBatchNorm,
  composedBatchNormGrad,
  type PlainBatchNormGeometry,
} from './batch-norm-composed.ts';
import type * as D from './device.ts';
import type { Runtime } from './gpu-runtime.ts';

/** Values in a runtime's buffer. */
export class GpuStorage<B> implements D.Storage {
  constructor(
    readonly length: number,
    public buffer: B | null,
  ) {}
}

/** Every primitive as one or a few programs on a gpu.js runtime. */
export class GpuDevice<B> implements D.Device<GpuStorage<B>> {
  constructor(protected readonly runtime: Runtime<B>) {}

  get name(): D.GpuMode {
    return this.runtime.mode;
  }

  get description(): string {
    return this.runtime.description;
  }

  /** Kernels compiled so far: a second step of the same training compiles none. */
  get compilations(): number {
    return this.runtime.compilations;
  }

  upload(data: Float32Array): GpuStorage<B> {
    return new GpuStorage(data.length, this.runtime.upload(data));
  }

  read(x: GpuStorage<B>): Promise<Float32Array> {
    return this.runtime.read(this.flat(x));
  }

  readSync(x: GpuStorage<B>): Float32Array {
    return this.runtime.readSync(this.flat(x));
  }

  free(x: GpuStorage<B>): void {
    this.runtime.free(this.flat(x));
    x.buffer = null;
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return this.runtime.memory();
  }

  dispose(): Promise<void> {
    return this.runtime.dispose();
  }

  fill(length: number, value: number): GpuStorage<B> {
    return this.pointwise('fill', elementwise.constant, [], [value], length)[0];
  }

  unary(op: D.UnaryOp, x: GpuStorage<B>, alpha: number): GpuStorage<B> {
    const key = `${op}${elementwise.isProduct(op, alpha) ? ` ${alpha}` : ''}`;
    return this.pointwise(key, () => elementwise.unary(op, alpha), [x], [alpha])[0];
  }

  unaryGrad(op: D.UnaryGradOp, dy: GpuStorage<B>, saved: GpuStorage<B>, alpha: number): GpuStorage<B> {
    const key = `${op}Grad${elementwise.isProduct(op, alpha) ? ` ${alpha}` : ''}`;
    return this.pointwise(key, () => elementwise.unaryGrad(op, alpha), [dy, saved], [alpha])[0];
  }

  binary(op: D.BinaryOp, a: GpuStorage<B>, b: GpuStorage<B>, g: D.BroadcastGeometry): GpuStorage<B> {
    const isFlat = g.shape.length === 1 && g.strides.every(([stride]) => stride === 1);
    if (isFlat) return this.pointwise(op, () => elementwise.binary(op), [a, b], [])[0];
    const build = () => elementwise.binaryProgram(op, g, [a.length, b.length]);
    return this.run(sizeOf(g.shape), keyOf(op, g, a.length, b.length), build, [a, b]);
  }

  where(c: GpuStorage<B>, a: GpuStorage<B>, b: GpuStorage<B>, g: D.BroadcastGeometry): GpuStorage<B> {
    const build = () => elementwise.whereProgram(g, [c.length, a.length, b.length]);
    return this.run(sizeOf(g.shape), keyOf('where', g, c.length, a.length, b.length), build, [c, a, b]);
  }

  reduce(op: D.ReduceOp, x: GpuStorage<B>, g: D.ReduceGeometry): GpuStorage<B> {
    const { shape, reduced } = g;
    const axes = reduced.flatMap((is, axis) => (is ? [axis] : []));
    if (axes.length === 0) {
      return op === 'argmax' ? this.fill(x.length, 0) : this.unary('addScalar', x, 0);
    }
    if (op === 'argmax' && axes.length > 1) return this.argmaxOfSeveral(x, g, axes);
    let current = x;
    const sizes = [...shape];
    for (const axis of axes) {
      const outer = sizeOf(sizes.slice(0, axis));
      const next = this.reduceAxis(op, current, outer, sizes[axis], sizeOf(sizes.slice(axis + 1)));
      if (current !== x) this.free(current);
      current = next;
      sizes[axis] = 1;
    }
    return current;
  }

  strided(x: GpuStorage<B>, g: D.StridedGeometry): GpuStorage<B> {
    const { offset, ...layout } = g;
    const free = takesOffset(x.length);
    const key = keyOf('strided', free ? layout : g, x.length);
    return this.run(sizeOf(g.shape), key, () => stridedProgram(g, x.length), [x], free ? [offset] : []);
  }

  pad(x: GpuStorage<B>, g: D.PadGeometry): GpuStorage<B> {
    const length = g.shape.reduce(
      (product, n, a) => product * (g.before[a] + n + Math.max(0, n - 1) * g.interior[a] + g.after[a]),
      1,
    );
    const { value, ...layout } = g;
    return this.run(length, keyOf('pad', layout), () => padProgram(g), [x], [value]);
  }

  concat(xs: readonly GpuStorage<B>[], g: D.ConcatGeometry): GpuStorage<B> {
    const { outer, sizes, inner } = g;
    const most = this.runtime.maxInputs;
    if (xs.length <= most) {
      const length = outer * inner * sizes.reduce((sum, size) => sum + size, 0);
      return this.run(length, keyOf('concat', g), () => concatProgram(g), xs);
    }
    const head = this.concat(xs.slice(0, most), { outer, sizes: sizes.slice(0, most), inner });
    const headSize = head.length / (outer * inner);
    const all = this.concat([head, ...xs.slice(most)], {
      outer,
      sizes: [headSize, ...sizes.slice(most)],
      inner,
    });
    this.free(head);
    return all;
  }

  matmul(a: GpuStorage<B>, b: GpuStorage<B>, bias: GpuStorage<B> | null, g: D.MatmulGeometry): GpuStorage<B> {
    const build = () => matmulProgram(g, bias !== null);
    return this.run(g.batch * g.m * g.n, keyOf('matmul', g, bias !== null), build, present(a, b, bias));
  }

  conv2d(x: GpuStorage<B>, w: GpuStorage<B>, bias: GpuStorage<B> | null, g: D.Conv2dGeometry): GpuStorage<B> {
    const length = g.batch * g.outChannels * g.outHeight * g.outWidth;
    const build = () => conv.conv2dProgram(g, bias !== null);
    return this.run(length, keyOf('conv2d', g, bias !== null), build, present(x, w, bias));
  }

  conv2dInputGrad(dy: GpuStorage<B>, w: GpuStorage<B>, g: D.Conv2dGeometry): GpuStorage<B> {
    const length = g.batch * g.inChannels * g.inHeight * g.inWidth;
    return this.run(length, keyOf('conv2dInputGrad', g), () => conv.conv2dInputGradProgram(g), [dy, w]);
  }

  conv2dWeightGrad(x: GpuStorage<B>, dy: GpuStorage<B>, g: D.Conv2dGeometry): GpuStorage<B> {
    const rows = conv.weightGradRows(g);
    const parts = Math.ceil((g.batch * g.outHeight) / rows);
    const length = (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups;
    const build = () => conv.conv2dWeightGradProgram(g, rows);
    const partial = this.run(parts * length, keyOf('conv2dWeightGrad', g), build, [x, dy]);
    if (parts === 1) return partial;
    const total = this.reduceAxis('sum', partial, 1, parts, length);
    this.free(partial);
    return total;
  }

  maxPool2d(x: GpuStorage<B>, g: D.MaxPool2dGeometry): { output: GpuStorage<B>; indices: GpuStorage<B> } {
    const length = outputSize(g);
    const indices = this.run(length, keyOf('maxPool2dIndices', g), () => pool.maxPool2dIndicesProgram(g), [
      x,
    ]);
    const build = () => pool.maxPool2dOutputProgram(g);
    return { output: this.run(length, keyOf('maxPool2dOutput', g), build, [x, indices]), indices };
  }

  maxPool2dGrad(dy: GpuStorage<B>, indices: GpuStorage<B>, g: D.MaxPool2dGeometry): GpuStorage<B> {
    const build = () => pool.maxPool2dGradProgram(g);
    return this.run(inputSize(g), keyOf('maxPool2dGrad', g), build, [dy, indices]);
  }

  avgPool2d(x: GpuStorage<B>, g: D.AvgPool2dGeometry): GpuStorage<B> {
    return this.run(outputSize(g), keyOf('avgPool2d', g), () => pool.avgPool2dProgram(g), [x]);
  }

  avgPool2dGrad(dy: GpuStorage<B>, g: D.AvgPool2dGeometry): GpuStorage<B> {
    return this.run(inputSize(g), keyOf('avgPool2dGrad', g), () => pool.avgPool2dGradProgram(g), [dy]);
  }

  adaptiveAvgPool2d(x: GpuStorage<B>, g: D.AdaptivePool2dGeometry): GpuStorage<B> {
    const build = () => pool.adaptiveAvgPool2dProgram(g);
    return this.run(outputSize(g), keyOf('adaptiveAvgPool2d', g), build, [x]);
  }

  adaptiveAvgPool2dGrad(dy: GpuStorage<B>, g: D.AdaptivePool2dGeometry): GpuStorage<B> {
    const build = () => pool.adaptiveAvgPool2dGradProgram(g);
    return this.run(inputSize(g), keyOf('adaptiveAvgPool2dGrad', g), build, [dy]);
  }

  batchNormStatistics(
    x: GpuStorage<B>,
    g: D.ChannelGeometry,
  ): { mean: GpuStorage<B>; variance: GpuStorage<B> } {
    const factor = 1 / (g.batch * g.spatial);
    const mean = this.channelSum('x', [x], g, factor);
    return { mean, variance: this.channelSum('squaredDeviation', [x, mean], g, factor) };
  }

  batchNorm(
    xs: readonly GpuStorage<B>[],
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    bias: GpuStorage<B> | null,
    residual: GpuStorage<B> | null,
    g: D.BatchNormGeometry,
  ): GpuStorage<B> {
    return composedBatchNorm(this, xs, mean, variance, weight, bias, residual, g);
  }

  batchNormGrad(
    dy: GpuStorage<B>,
    xs: readonly GpuStorage<B>[],
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    bias: GpuStorage<B> | null,
    residual: GpuStorage<B> | null,
    training: boolean,
    g: D.BatchNormGeometry,
  ): { inputs: GpuStorage<B>[]; weight: GpuStorage<B>; bias: GpuStorage<B>; residual: GpuStorage<B> | null } {
    return composedBatchNormGrad(this, dy, xs, mean, variance, weight, bias, residual, training, g);
  }

  normalize(
    x: GpuStorage<B>,
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    bias: GpuStorage<B> | null,
    g: PlainBatchNormGeometry,
  ): GpuStorage<B> {
    const scale = this.channelScale(variance, weight, g);
    const build = () => norm.batchNormProgram(g, bias !== null);
    const y = this.run(
      x.length,
      planeKey('batchNorm', g, bias !== null),
      build,
      present(x, mean, scale, bias),
    );
    this.free(scale);
    return y;
  }

  normalizeGrad(
    dy: GpuStorage<B>,
    x: GpuStorage<B>,
    mean: GpuStorage<B>,
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    training: boolean,
    g: PlainBatchNormGeometry,
  ): { input: GpuStorage<B>; weight: GpuStorage<B>; bias: GpuStorage<B> } {
    const rstd = this.channelScale(variance, null, g);
    const scale = weight ? this.channelScale(variance, weight, g) : rstd;
    const dBias = this.channelSum('x', [dy], g, 1);
    const product = this.channelSum('product', [x, dy, mean], g, 1);
    const dWeight = this.run(
      g.channels,
      `channelProduct ${g.channels}`,
      () => norm.channelProductProgram(g),
      [product, rstd],
    );
    const input = training
      ? this.run(x.length, planeKey('batchNormInputGrad', g), () => norm.batchNormInputGradProgram(g), [
          dy,
          x,
          mean,
          rstd,
          scale,
          dWeight,
          dBias,
        ])
      : this.run(x.length, planeKey('batchNormScaleGrad', g), () => norm.batchNormScaleGradProgram(g), [
          dy,
          scale,
        ]);
    for (const temporary of new Set([rstd, scale, product])) this.free(temporary);
    return { input, weight: dWeight, bias: dBias };
  }

  sgdStep(
    param: GpuStorage<B>,
    grad: GpuStorage<B>,
    velocity: GpuStorage<B> | null,
    step: D.SgdStep,
  ): { param: GpuStorage<B>; velocity: GpuStorage<B> | null } {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = step;
    const old = momentum === 0 ? null : velocity;
    const variant = { momentum: momentum !== 0, velocity: old !== null, nesterov, maximize };
    const [next, nextVelocity] = this.pointwise(
      keyOf('sgdStep', variant),
      () => optim.sgdStep(variant),
      present(param, grad, old),
      [lr, momentum, dampening, weightDecay],
    );
    return { param: next, velocity: nextVelocity ?? null };
  }

  adamStep(
    param: GpuStorage<B>,
    grad: GpuStorage<B>,
    mean: GpuStorage<B>,
    square: GpuStorage<B>,
    step: D.AdamStep,
  ): { param: GpuStorage<B>; mean: GpuStorage<B>; square: GpuStorage<B> } {
    const { lr, beta1, beta2, eps, weightDecay, decoupled } = step;
    const penalty = decoupled ? 0 : weightDecay;
    const keep = decoupled ? 1 - lr * weightDecay : 1;
    const stepSize = lr / (1 - beta1 ** step.step);
    const rootCorrection = 1 / Math.sqrt(1 - beta2 ** step.step);
    const [next, nextMean, nextSquare] = this.pointwise(
      'adamStep',
      optim.adamStep,
      [param, grad, mean, square],
      [beta1, beta2, penalty, keep, stepSize, rootCorrection, eps],
    );
    return { param: next, mean: nextMean, square: nextSquare };
  }

  /** The storage's values in flat, row-major order. */
  protected flat(x: GpuStorage<B>): B {
    if (x.buffer === null) throw new DeviceError(`${this.name}: a storage was used after it was freed`);
    return x.buffer;
  }

  protected run(
    length: number,
    key: string,
    build: () => Program,
    inputs: readonly GpuStorage<B>[],
    scalars?: readonly number[],
  ): GpuStorage<B> {
    const buffers = inputs.map((input) => this.flat(input));
    return new GpuStorage(length, this.runtime.run(key, build, buffers, scalars));
  }

  /** Each result of a pointwise function of tensors of one length. */
  protected pointwise(
    key: string,
    build: () => Pointwise,
    inputs: readonly GpuStorage<B>[],
    scalars: readonly number[],
    length = inputs[0].length,
  ): GpuStorage<B>[] {
    const buffers = inputs.map((input) => this.flat(input));
    if (this.runtime.pointwise) {
      return this.runtime
        .pointwise(key, build, buffers, scalars, length)
        .map((buffer) => new GpuStorage(length, buffer));
    }
    return build().results.map((_, k) => {
      const program = () => pointwiseProgram(build(), k, length);
      return new GpuStorage(length, this.runtime.run(`${key} ${k} ${length}`, program, buffers, scalars));
    });
  }

  /** `[outer, size, inner] -> [outer, inner]`, sums and extremes in as many passes as they need. */
  private reduceAxis(
    op: D.ReduceOp,
    x: GpuStorage<B>,
    outer: number,
    size: number,
    inner: number,
  ): GpuStorage<B> {
    const chunk = op === 'argmax' ? size : reduceChunk(size, outer * inner);
    const parts = Math.ceil(size / chunk);
    const key = `${op} ${outer},${size},${inner},${chunk}`;
    const build = () => reduceProgram(op, outer, size, inner, chunk);
    const partial = this.run(outer * parts * inner, key, build, [x]);
    if (parts === 1) return partial;
    const total = this.reduceAxis(op, partial, outer, parts, inner);
    this.free(partial);
    return total;
  }

  /** Brings the reduced axes together at the end first: their one index is what argmax gives. */
  private argmaxOfSeveral(x: GpuStorage<B>, g: D.ReduceGeometry, axes: readonly number[]): GpuStorage<B> {
    const kept = g.shape.flatMap((_, axis) => (g.reduced[axis] ? [] : [axis]));
    const order = [...kept, ...axes];
    const strides = contiguous(g.shape);
    const moved = this.strided(x, {
      shape: order.map((axis) => g.shape[axis]),
      strides: order.map((axis) => strides[axis]),
      offset: 0,
    });
    const size = sizeOf(axes.map((axis) => g.shape[axis]));
    const result = this.reduceAxis('argmax', moved, x.length / size, size, 1);
    this.free(moved);
    return result;
  }

  /** factor * the sum of a term over batch and space, `[channels]`. */
  private channelSum(
    term: norm.ChannelTerm,
    inputs: readonly GpuStorage<B>[],
    g: D.ChannelGeometry,
    factor: number,
  ): GpuStorage<B> {
    const length = g.batch * g.channels * norm.channelParts(g);
    const build = () => norm.channelSumsProgram(term, g);
    const sums = this.run(length, planeKey(`channelSums ${term}`, g), build, inputs);
    const totals = this.run(
      g.channels,
      planeKey('channelTotals', g),
      () => channelTotalsProgram(g),
      [sums],
      [factor],
    );
    this.free(sums);
    return totals;
  }

  private channelScale(
    variance: GpuStorage<B>,
    weight: GpuStorage<B> | null,
    g: PlainBatchNormGeometry,
  ): GpuStorage<B> {
    const key = `channelScale ${g.channels} ${weight !== null}`;
    const build = () => norm.channelScaleProgram(g, weight !== null);
    return this.run(g.channels, key, build, present(variance, weight), [g.eps]);
  }
}

function present<T>(...values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

/** Two calls of one key run one program. */
function keyOf(op: string, geometry: object, ...rest: readonly (number | boolean)[]): string {
  return `${op} ${JSON.stringify(geometry)} ${rest.join(' ')}`;
}

/** As keyOf, without eps: an argument. */
function planeKey(op: string, g: D.ChannelGeometry, ...rest: readonly boolean[]): string {
  return `${op} ${g.batch},${g.channels},${g.spatial} ${rest.join(' ')}`;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

type Planes = {
  batch: number;
  channels: number;
  inHeight: number;
  inWidth: number;
  outHeight: number;
  outWidth: number;
};

const inputSize = (g: Planes) => g.batch * g.channels * g.inHeight * g.inWidth;
const outputSize = (g: Planes) => g.batch * g.channels * g.outHeight * g.outWidth;
