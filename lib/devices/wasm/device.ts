import {
  type BatchNormForm,
  batchNormGradKernel,
  batchNormKernel,
  batchNormStatisticsKernel,
  PLACE_BYTES,
} from '../../../kernels/wasm/batch-norm.ts';
import { chunks } from '../../../kernels/wasm/emit/kernel.ts';
import { adamKernel, sgdKernel } from '../../../kernels/wasm/optim.ts';
import {
  type Averaging,
  adaptiveAverage,
  avgPoolGradKernel,
  avgPoolKernel,
  maxPoolGradKernel,
  maxPoolKernel,
  slidingAverage,
} from '../../../kernels/wasm/pool.ts';
import { DeviceError } from '../../errors.ts';
import type {
  AdamStep,
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  BatchNormGeometry,
  ChannelGeometry,
  Conv2dGeometry,
  Device,
  Epilogue,
  MaxPool2dGeometry,
  SgdStep,
} from '../device.ts';
import { nodeBuiltin } from '../node-builtin.ts';
import { CHUNK, type WasmStorage } from './core.ts';
import { WasmEngine } from './engine.ts';
import { runConv2d, runConv2dInputGrad } from './products.ts';
import { WasmTensors } from './tensors.ts';
import type { WasmVariant } from './variant.ts';
import { runConv2dWeightGrad } from './weight-grad.ts';

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

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/** What tells one batch norm kernel from another. */
const batchNormForm = (
  weight: WasmStorage | null,
  bias: WasmStorage | null,
  residual: WasmStorage | null,
  { relu }: BatchNormGeometry,
): BatchNormForm => ({ weight: weight !== null, bias: bias !== null, residual: residual !== null, relu });

/** The CPU device: to the primitives of any tensors come those of networks and optimisers. */
export class WasmDevice extends WasmTensors implements Device<WasmStorage> {
  conv2d(
    x: WasmStorage,
    weight: WasmStorage,
    bias: WasmStorage | null,
    g: Conv2dGeometry,
    { residual, relu }: Epilogue<WasmStorage> = { residual: null, relu: false },
  ): WasmStorage {
    const out = this.make(g.batch * g.outChannels * g.outHeight * g.outWidth);
    const operands = {
      x: this.at(x),
      weight: this.at(weight),
      bias: bias && this.at(bias),
      residual: residual && this.at(residual),
      relu,
      out: out.address,
    };
    if (out.length) runConv2d(this.engine, operands, g);
    return out;
  }

  conv2dInputGrad(dy: WasmStorage, weight: WasmStorage, g: Conv2dGeometry): WasmStorage {
    const out = this.make(g.batch * g.inChannels * g.inHeight * g.inWidth);
    const operands = { dy: this.at(dy), weight: this.at(weight), out: out.address };
    if (out.length) runConv2dInputGrad(this.engine, operands, g);
    return out;
  }

  conv2dWeightGrad(x: WasmStorage, dy: WasmStorage, g: Conv2dGeometry): WasmStorage {
    const length = g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth;
    if (!dy.length) return this.fill(length, 0);
    const out = this.make(length);
    runConv2dWeightGrad(this.engine, { x: this.at(x), dy: this.at(dy), out: out.address }, g);
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
    this.engine.launch(kernel, tasks, {
      x: this.at(x),
      out: out.address,
      indices: indices ? this.at(indices) : 0,
      planes,
      units: chunk,
    });
  }

  maxPool2d(x: WasmStorage, g: MaxPool2dGeometry): { output: WasmStorage; indices: WasmStorage } {
    const planes = g.batch * g.channels;
    const output = this.make(planes * g.outHeight * g.outWidth);
    const indices = this.make(output.length);
    this.#pool(maxPoolKernel(g), x, indices, output, planes);
    return { output, indices };
  }

  maxPool2dGrad(dy: WasmStorage, indices: WasmStorage, g: MaxPool2dGeometry): WasmStorage {
    const planes = g.batch * g.channels;
    const out = this.make(planes * g.inHeight * g.inWidth);
    this.#pool(maxPoolGradKernel(g), dy, indices, out, planes);
    return out;
  }

  /** The means of windows. */
  #average(x: WasmStorage, g: AdaptivePool2dGeometry, averaging: Averaging): WasmStorage {
    const out = this.make(g.batch * g.channels * g.outHeight * g.outWidth);
    this.#pool(avgPoolKernel(g, averaging), x, null, out, g.batch * g.channels);
    return out;
  }

  #averageGrad(dy: WasmStorage, g: AdaptivePool2dGeometry, averaging: Averaging): WasmStorage {
    const out = this.make(g.batch * g.channels * g.inHeight * g.inWidth);
    this.#pool(avgPoolGradKernel(g, averaging), dy, null, out, g.batch * g.channels);
    return out;
  }

  avgPool2d(x: WasmStorage, g: AvgPool2dGeometry): WasmStorage {
    return this.#average(x, g, slidingAverage(g));
  }

  avgPool2dGrad(dy: WasmStorage, g: AvgPool2dGeometry): WasmStorage {
    return this.#averageGrad(dy, g, slidingAverage(g));
  }

  adaptiveAvgPool2d(x: WasmStorage, g: AdaptivePool2dGeometry): WasmStorage {
    return this.#average(x, g, adaptiveAverage(g));
  }

  adaptiveAvgPool2dGrad(dy: WasmStorage, g: AdaptivePool2dGeometry): WasmStorage {
    return this.#averageGrad(dy, g, adaptiveAverage(g));
  }

  batchNormStatistics(
    x: WasmStorage,
    { batch, channels, spatial }: ChannelGeometry,
  ): { mean: WasmStorage; variance: WasmStorage } {
    const [mean, variance] = [this.make(channels), this.make(channels)];
    this.engine.launch(batchNormStatisticsKernel, channels, {
      x: this.at(x),
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
    const out = this.make(rows * g.spatial);
    if (!out.length) return out;
    const form = batchNormForm(weight, bias, residual, g);
    const { tasks, chunk } = chunks(rows, Math.ceil(CHUNK / g.spatial), 1);
    this.#withPlaces(xs, xs, g, (places) =>
      this.engine.launch(batchNormKernel(form), tasks, {
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
    const inputs = xs.map((x) => this.make(x.length));
    const [dWeight, dBias] = [this.make(channels), this.make(channels)];
    const dResidual = g.relu && residual ? this.make(dy.length) : null;
    const form = batchNormForm(weight, bias, residual, g);
    this.#withPlaces(xs, inputs, g, (places) =>
      this.engine.launch(batchNormGradKernel(form, training), channels, {
        ...this.#batchNormArguments(mean, variance, weight, bias, residual, g),
        places,
        dy: this.at(dy),
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
      mean: this.at(mean),
      variance: this.at(variance),
      weight: weight ? this.at(weight) : 0,
      bias: bias ? this.at(bias) : 0,
      residual: residual ? this.at(residual) : 0,
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
    this.engine.withScratch(PLACE_BYTES * sum(channels), (places) => {
      const table = this.engine.heap.i32;
      const run = 4 * spatial;
      let at = places / 4;
      channels.forEach((count, part) => {
        const [x, output] = [this.at(xs[part]), this.at(outputs[part])];
        for (let c = 0; c < count; c++) {
          table[at++] = x + c * run;
          table[at++] = count * run;
          table[at++] = output + c * run;
        }
      });
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
    const moving = s.momentum === 0 ? null : (velocity ?? this.make(param.length));
    this.engine.packed.forget(this.at(param));
    const { tasks, chunk } = chunks(param.length, CHUNK);
    this.engine.launch(sgdKernel(kind, s.nesterov), tasks, {
      param: this.at(param),
      grad: this.at(grad),
      velocity: moving ? this.at(moving) : 0,
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
    this.engine.packed.forget(this.at(param));
    const { tasks, chunk } = chunks(param.length, CHUNK);
    this.engine.launch(adamKernel, tasks, {
      param: this.at(param),
      grad: this.at(grad),
      mean: this.at(mean),
      square: this.at(square),
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
