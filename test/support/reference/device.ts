import type {
  AdamStep,
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  BatchNormGeometry,
  BatchNormGradGeometry,
  BatchNormGrads,
  BatchNormOperands,
  BinaryOp,
  BroadcastGeometry,
  ChannelGeometry,
  ConcatGeometry,
  Conv2dGeometry,
  Device,
  Epilogue,
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
} from '../../../lib/devices/device.ts';
import { DeviceError } from '../../../lib/errors.ts';
import { normalize, normalizeGrad, type Operands, statistics } from './batch-norm.ts';
import { BINARY, DERIVATIVE, UNARY } from './elementwise.ts';
import { eachIndex, stridesOf } from './index-space.ts';
import { adam, sgd } from './steps.ts';
import {
  adaptivePoolWindows,
  avgPoolWindows,
  eachConv2dTap,
  maxPoolWindows,
  type Window,
} from './windows.ts';

export interface ReferenceStorage extends Storage {
  readonly data: Float32Array;
}

type Values = ArrayLike<number>;

/**
 * The oracle: each primitive as its definition reads, in float64, rounded to float32 once at the end.
 * It throws where a storage is used or freed after it was freed, and where a geometry does not fit the storages.
 */
export class ReferenceDevice implements Device<ReferenceStorage> {
  readonly name = 'cpu';
  readonly description = 'reference: naive loops in float64';
  readonly #live = new Set<ReferenceStorage>();
  #isDisposed = false;
  #ended = false;

  upload(data: Float32Array): ReferenceStorage {
    return this.#store(data);
  }

  async read(x: ReferenceStorage): Promise<Float32Array> {
    return this.readSync(x);
  }

  readSync(x: ReferenceStorage): Float32Array {
    return this.#use(x).slice();
  }

  peek(x: ReferenceStorage): Float32Array {
    return this.readSync(x);
  }

  free(x: ReferenceStorage): void {
    if (this.#ended) return;
    if (!this.#live.delete(x) && !this.#isDisposed)
      throw new DeviceError(`free: a storage of ${x.length} values was freed already`);
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    let bytes = 0;
    for (const { data } of this.#live) bytes += data.byteLength;
    return { bytesInUse: bytes, bytesHeld: bytes };
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#live.clear();
    this.#ended = true;
  }

  #store(values: Values): ReferenceStorage {
    const data = Float32Array.from(values);
    const storage = { length: data.length, data };
    this.#live.add(storage);
    return storage;
  }

  #use(x: ReferenceStorage, length = x.length): Float32Array {
    if (!this.#live.has(x))
      throw new DeviceError(`a storage of ${x.length} values is used after it was freed`);
    if (x.length !== length)
      throw new DeviceError(`a storage has ${x.length} values, its geometry ${length}`);
    return x.data;
  }

  fill(length: number, value: number): ReferenceStorage {
    return this.#store(new Float32Array(length).fill(value));
  }

  unary(op: UnaryOp, x: ReferenceStorage, alpha: number): ReferenceStorage {
    return this.#store(Float64Array.from(this.#use(x), (value) => UNARY[op](value, alpha)));
  }

  unaryGrad(op: UnaryGradOp, dy: ReferenceStorage, saved: ReferenceStorage, alpha: number): ReferenceStorage {
    const from = this.#use(saved, dy.length);
    return this.#store(this.#use(dy).map((value, i) => value * DERIVATIVE[op](from[i], alpha)));
  }

  binary(
    op: BinaryOp,
    a: ReferenceStorage,
    b: ReferenceStorage,
    { shape, strides }: BroadcastGeometry,
  ): ReferenceStorage {
    const [as, bs] = [this.#use(a), this.#use(b)];
    const out = new Float64Array(size(shape));
    eachIndex(shape, strides, (i, [ia, ib]) => {
      out[i] = BINARY[op](as[ia], bs[ib]);
    });
    return this.#store(out);
  }

  where(
    condition: ReferenceStorage,
    a: ReferenceStorage,
    b: ReferenceStorage,
    { shape, strides }: BroadcastGeometry,
  ): ReferenceStorage {
    const [conditions, as, bs] = [this.#use(condition), this.#use(a), this.#use(b)];
    const out = new Float64Array(size(shape));
    eachIndex(shape, strides, (i, [ic, ia, ib]) => {
      out[i] = conditions[ic] !== 0 ? as[ia] : bs[ib];
    });
    return this.#store(out);
  }

  reduce(op: ReduceOp, x: ReferenceStorage, { shape, reduced }: ReduceGeometry): ReferenceStorage {
    const xs = this.#use(x, size(shape));
    const kept = reduced.map((is) => !is);
    const length = size(shape.filter((_, axis) => kept[axis]));
    const out = new Float64Array(length).fill({ sum: 0, max: -Infinity, min: Infinity, argmax: 0 }[op]);
    const best = new Float64Array(length).fill(-Infinity);
    eachIndex(shape, [stridesOf(shape, reduced), stridesOf(shape, kept)], (i, [o, place]) => {
      const value = xs[i];
      if (op === 'sum') out[o] += value;
      else if (op === 'max') out[o] = Math.max(out[o], value);
      else if (op === 'min') out[o] = Math.min(out[o], value);
      else if (value > best[o] || (Number.isNaN(value) && !Number.isNaN(best[o]))) {
        best[o] = value;
        out[o] = place;
      }
    });
    return this.#store(out);
  }

  strided(x: ReferenceStorage, { shape, strides, offset }: StridedGeometry): ReferenceStorage {
    const xs = this.#use(x);
    const out = new Float64Array(size(shape));
    eachIndex(shape, [strides], (i, [place]) => {
      out[i] = xs[offset + place];
    });
    return this.#store(out);
  }

  pad(x: ReferenceStorage, { shape, before, after, interior, value }: PadGeometry): ReferenceStorage {
    const xs = this.#use(x, size(shape));
    const outShape = shape.map(
      (n, axis) => before[axis] + n + Math.max(n - 1, 0) * interior[axis] + after[axis],
    );
    const outStrides = stridesOf(outShape);
    const first = before.reduce((sum, n, axis) => sum + n * outStrides[axis], 0);
    const steps = outStrides.map((stride, axis) => stride * (interior[axis] + 1));
    const out = new Float64Array(size(outShape)).fill(value);
    eachIndex(shape, [steps], (i, [place]) => {
      out[first + place] = xs[i];
    });
    return this.#store(out);
  }

  concat(xs: readonly ReferenceStorage[], { outer, sizes, inner }: ConcatGeometry): ReferenceStorage {
    const rowLength = sizes.reduce((sum, n) => sum + n, 0) * inner;
    const out = new Float32Array(outer * rowLength);
    let first = 0;
    xs.forEach((x, i) => {
      const width = sizes[i] * inner;
      const values = this.#use(x, outer * width);
      for (let row = 0; row < outer; row++) {
        out.set(values.subarray(row * width, (row + 1) * width), row * rowLength + first);
      }
      first += width;
    });
    return this.#store(out);
  }

  matmul(
    a: ReferenceStorage,
    b: ReferenceStorage,
    bias: ReferenceStorage | null,
    g: MatmulGeometry,
  ): ReferenceStorage {
    const [as, bs] = [this.#use(a), this.#use(b)];
    const biases = bias && this.#use(bias, g.n);
    const out = new Float64Array(g.batch * g.m * g.n);
    for (let batch = 0; batch < g.batch; batch++) {
      for (let row = 0; row < g.m; row++) {
        for (let column = 0; column < g.n; column++) {
          let sum = biases ? biases[column] : 0;
          for (let k = 0; k < g.k; k++) {
            const ia = batch * g.batchStrideA + (g.transposeA ? k * g.m + row : row * g.k + k);
            const ib = batch * g.batchStrideB + (g.transposeB ? column * g.k + k : k * g.n + column);
            sum += as[ia] * bs[ib];
          }
          out[(batch * g.m + row) * g.n + column] = sum;
        }
      }
    }
    return this.#store(out);
  }

  conv2d(
    x: ReferenceStorage,
    weight: ReferenceStorage,
    bias: ReferenceStorage | null,
    g: Conv2dGeometry,
    { residual, relu }: Epilogue<ReferenceStorage> = { residual: null, relu: false },
  ): ReferenceStorage {
    const [xs, weights] = [this.#use(x, conv2dInputs(g)), this.#use(weight, conv2dWeights(g))];
    const biases = bias && this.#use(bias, g.outChannels);
    const added = residual && this.#use(residual, conv2dOutputs(g));
    const plane = g.outHeight * g.outWidth;
    const startOf = (y: number) => (biases?.[Math.floor(y / plane) % g.outChannels] ?? 0) + (added?.[y] ?? 0);
    const out = Float64Array.from({ length: conv2dOutputs(g) }, (_, y) => startOf(y));
    eachConv2dTap(g, (ix, iw, iy) => {
      out[iy] += xs[ix] * weights[iw];
    });
    return this.#store(relu ? out.map((y) => (y < 0 ? 0 : y)) : out);
  }

  conv2dInputGrad(dy: ReferenceStorage, weight: ReferenceStorage, g: Conv2dGeometry): ReferenceStorage {
    const [dys, weights] = [this.#use(dy, conv2dOutputs(g)), this.#use(weight, conv2dWeights(g))];
    const out = new Float64Array(conv2dInputs(g));
    eachConv2dTap(g, (ix, iw, iy) => {
      out[ix] += dys[iy] * weights[iw];
    });
    return this.#store(out);
  }

  conv2dWeightGrad(x: ReferenceStorage, dy: ReferenceStorage, g: Conv2dGeometry): ReferenceStorage {
    const [xs, dys] = [this.#use(x, conv2dInputs(g)), this.#use(dy, conv2dOutputs(g))];
    const out = new Float64Array(conv2dWeights(g));
    eachConv2dTap(g, (ix, iw, iy) => {
      out[iw] += xs[ix] * dys[iy];
    });
    return this.#store(out);
  }

  maxPool2d(
    x: ReferenceStorage,
    g: MaxPool2dGeometry,
  ): { output: ReferenceStorage; indices: ReferenceStorage } {
    const xs = this.#use(x, poolInputs(g));
    const output = new Float64Array(poolOutputs(g));
    const indices = new Float64Array(output.length);
    for (const { y, plane, pixels } of maxPoolWindows(g)) {
      let winner = -1;
      let best = -Infinity;
      for (const pixel of pixels) {
        const value = xs[plane + pixel];
        if (winner >= 0 && !(value > best || (Number.isNaN(value) && !Number.isNaN(best)))) continue;
        winner = pixel;
        best = value;
      }
      output[y] = best;
      indices[y] = winner;
    }
    return { output: this.#store(output), indices: this.#store(indices) };
  }

  maxPool2dGrad(dy: ReferenceStorage, indices: ReferenceStorage, g: MaxPool2dGeometry): ReferenceStorage {
    const [dys, winners] = [this.#use(dy, poolOutputs(g)), this.#use(indices, poolOutputs(g))];
    const out = new Float64Array(poolInputs(g));
    for (const { y, plane } of maxPoolWindows(g)) {
      if (winners[y] >= 0) out[plane + winners[y]] += dys[y];
    }
    return this.#store(out);
  }

  avgPool2d(x: ReferenceStorage, g: AvgPool2dGeometry): ReferenceStorage {
    return this.#average(x, g, avgPoolWindows(g));
  }

  avgPool2dGrad(dy: ReferenceStorage, g: AvgPool2dGeometry): ReferenceStorage {
    return this.#averageGrad(dy, g, avgPoolWindows(g));
  }

  adaptiveAvgPool2d(x: ReferenceStorage, g: AdaptivePool2dGeometry): ReferenceStorage {
    return this.#average(x, g, adaptivePoolWindows(g));
  }

  adaptiveAvgPool2dGrad(dy: ReferenceStorage, g: AdaptivePool2dGeometry): ReferenceStorage {
    return this.#averageGrad(dy, g, adaptivePoolWindows(g));
  }

  #average(x: ReferenceStorage, g: AdaptivePool2dGeometry, windows: Iterable<Window>): ReferenceStorage {
    const xs = this.#use(x, poolInputs(g));
    const out = new Float64Array(poolOutputs(g));
    for (const { y, plane, pixels, divisor } of windows) {
      for (const pixel of pixels) out[y] += xs[plane + pixel] / divisor;
    }
    return this.#store(out);
  }

  #averageGrad(dy: ReferenceStorage, g: AdaptivePool2dGeometry, windows: Iterable<Window>): ReferenceStorage {
    const dys = this.#use(dy, poolOutputs(g));
    const out = new Float64Array(poolInputs(g));
    for (const { y, plane, pixels, divisor } of windows) {
      for (const pixel of pixels) out[plane + pixel] += dys[y] / divisor;
    }
    return this.#store(out);
  }

  batchNormStatistics(
    x: ReferenceStorage,
    g: ChannelGeometry,
  ): { mean: ReferenceStorage; variance: ReferenceStorage } {
    const { mean, variance } = statistics(this.#use(x, g.batch * g.channels * g.spatial), g);
    return { mean: this.#store(mean), variance: this.#store(variance) };
  }

  #batchNormOperands(
    xs: readonly ReferenceStorage[],
    { mean, variance, weight, bias, residual }: BatchNormOperands<ReferenceStorage>,
    { batch, channels, spatial }: BatchNormGeometry,
  ): Operands {
    const total = channels.reduce((sum, n) => sum + n, 0);
    return {
      xs: xs.map((x, i) => this.#use(x, batch * channels[i] * spatial)),
      mean: this.#use(mean, total),
      variance: this.#use(variance, total),
      weight: weight && this.#use(weight, total),
      bias: bias && this.#use(bias, total),
      residual: residual && this.#use(residual, batch * total * spatial),
    };
  }

  batchNorm(
    xs: readonly ReferenceStorage[],
    operands: BatchNormOperands<ReferenceStorage>,
    geometry: BatchNormGeometry,
  ): ReferenceStorage {
    return this.#store(normalize(this.#batchNormOperands(xs, operands, geometry), geometry));
  }

  batchNormGrad(
    dy: ReferenceStorage,
    xs: readonly ReferenceStorage[],
    operands: BatchNormOperands<ReferenceStorage>,
    geometry: BatchNormGradGeometry,
  ): BatchNormGrads<ReferenceStorage> {
    const values = xs.reduce((sum, x) => sum + x.length, 0);
    const grads = normalizeGrad(
      this.#use(dy, values),
      this.#batchNormOperands(xs, operands, geometry),
      geometry.training,
      geometry,
    );
    return {
      inputs: grads.inputs.map((part) => this.#store(part)),
      weight: this.#store(grads.weight),
      bias: this.#store(grads.bias),
      residual: geometry.relu && operands.residual ? this.#store(grads.preReluGrad) : null,
    };
  }

  sgdStep(
    param: ReferenceStorage,
    grad: ReferenceStorage,
    velocity: ReferenceStorage | null,
    step: SgdStep,
  ): { param: ReferenceStorage; velocity: ReferenceStorage | null } {
    const before = velocity && this.#use(velocity, param.length);
    const next = sgd(this.#use(param), this.#use(grad, param.length), before, step);
    return { param: this.#store(next.param), velocity: next.velocity && this.#store(next.velocity) };
  }

  adamStep(
    param: ReferenceStorage,
    grad: ReferenceStorage,
    mean: ReferenceStorage,
    square: ReferenceStorage,
    step: AdamStep,
  ): { param: ReferenceStorage; mean: ReferenceStorage; square: ReferenceStorage } {
    const moments = [mean, square].map((moment) => this.#use(moment, param.length));
    const next = adam(this.#use(param), this.#use(grad, param.length), moments[0], moments[1], step);
    return {
      param: this.#store(next.param),
      mean: this.#store(next.mean),
      square: this.#store(next.square),
    };
  }
}

const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

const conv2dInputs = (g: Conv2dGeometry) => g.batch * g.inChannels * g.inHeight * g.inWidth;
const conv2dOutputs = (g: Conv2dGeometry) => g.batch * g.outChannels * g.outHeight * g.outWidth;
const conv2dWeights = (g: Conv2dGeometry) =>
  g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth;

const poolInputs = (g: AdaptivePool2dGeometry) => g.batch * g.channels * g.inHeight * g.inWidth;
const poolOutputs = (g: AdaptivePool2dGeometry) => g.batch * g.channels * g.outHeight * g.outWidth;
