/** Every kernel that `npm run bench` measures, on the device's own primitives. */
import type { BatchNormGeometry, Device, Storage } from '../lib/devices/device.ts';
import { CONV_SHAPES, conv2d, convName, GEMM_SIZES, gemm, noise, pool2d } from './shapes.ts';

export interface KernelCase {
  readonly kernel: string;
  readonly shape: string;
  readonly pass: string;
  /** Multiplications and additions of a run; 0 where memory is the limit. */
  readonly flops: number;
  /** Values that a run reads and writes, each counted once. */
  readonly values: number;
  /** Uploads what the kernel reads and returns one run of it, whose results the caller frees. */
  open(upload: (values: Float32Array) => Storage): () => Storage[];
}

export function kernelCases(device: Device, batch: number): KernelCase[] {
  return [
    ...products(device),
    ...convolutions(device, batch),
    ...dense(device, batch),
    ...batchNorms(device, batch),
    ...pools(device, batch),
    ...elementwise(device, batch),
  ];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** A case whose inputs are noise of these lengths. */
function plain(
  name: Pick<KernelCase, 'kernel' | 'shape' | 'pass' | 'flops'>,
  inputs: readonly number[],
  outputs: readonly number[],
  run: (...inputs: Storage[]) => Storage | Storage[],
): KernelCase {
  return {
    ...name,
    values: sum(inputs) + sum(outputs),
    open(upload) {
      const storages = inputs.map((length) => upload(noise(length)));
      return () => [run(...storages)].flat();
    },
  };
}

function products(device: Device): KernelCase[] {
  return GEMM_SIZES.map((size) =>
    plain(
      { kernel: 'gemm', shape: String(size), pass: 'forward', flops: 2 * size ** 3 },
      [size * size, size * size],
      [size * size],
      (a, b) => device.matmul(a, b, null, gemm(size, size, size)),
    ),
  );
}

function convolutions(device: Device, batch: number): KernelCase[] {
  return CONV_SHAPES.flatMap((shape) => {
    const g = conv2d(shape, batch);
    const x = g.batch * g.inChannels * g.inHeight * g.inWidth;
    const w = g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth;
    const y = g.batch * g.outChannels * g.outHeight * g.outWidth;
    const name = (pass: string) => ({
      kernel: 'conv2d',
      shape: convName(shape),
      pass,
      flops: 2 * y * g.inChannels * g.kernelHeight * g.kernelWidth,
    });
    return [
      plain(name('forward'), [x, w], [y], (input, weight) => device.conv2d(input, weight, null, g)),
      plain(name('input grad'), [y, w], [x], (dy, weight) => device.conv2dInputGrad(dy, weight, g)),
      plain(name('weight grad'), [x, y], [w], (input, dy) => device.conv2dWeightGrad(input, dy, g)),
    ];
  });
}

/** The classifiers: y `[N, 1000]` = x `[N, features]` W^T + b. */
function dense(device: Device, batch: number): KernelCase[] {
  const classes = 1000;
  return [512, 1024, 2048].flatMap((features) => {
    const [x, w, y] = [batch * features, classes * features, batch * classes];
    const name = (pass: string) => ({
      kernel: 'dense',
      shape: `${features}->${classes}`,
      pass,
      flops: 2 * batch * classes * features,
    });
    return [
      plain(name('forward'), [x, w, classes], [y], (input, weight, bias) =>
        device.matmul(input, weight, bias, { ...gemm(batch, classes, features), transposeB: true }),
      ),
      plain(name('input grad'), [y, w], [x], (dy, weight) =>
        device.matmul(dy, weight, null, gemm(batch, features, classes)),
      ),
      plain(name('weight grad'), [y, x], [w], (dy, input) =>
        device.matmul(dy, input, null, { ...gemm(classes, features, batch), transposeA: true }),
      ),
    ];
  });
}

function batchNorms(device: Device, batch: number): KernelCase[] {
  const shapes = [
    [64, 112],
    [256, 56],
    [512, 28],
    [1024, 14],
    [2048, 7],
  ];
  return shapes.flatMap(([channels, size]) => {
    const plane = { batch, spatial: size * size };
    const g: BatchNormGeometry = { ...plane, channels: [channels], eps: 1e-5, relu: true };
    const x = batch * channels * size * size;
    const name = (pass: string) => ({
      kernel: 'batch norm + relu',
      shape: `${channels} @${size}`,
      pass,
      flops: 0,
    });
    const forward = plain(
      name('forward'),
      [x, channels, channels],
      [x, channels, channels],
      (input, w, b) => {
        const { mean, variance } = device.batchNormStatistics(input, { ...plane, channels });
        return [device.batchNorm([input], mean, variance, w, b, null, g), mean, variance];
      },
    );
    const backward: KernelCase = {
      ...name('backward'),
      values: 3 * x + 6 * channels,
      open(upload) {
        const [dy, input] = [upload(noise(x + 1).subarray(1)), upload(noise(x))];
        const [mean, weight, bias] = [0, 1, 2].map(() => upload(noise(channels)));
        const variance = upload(noise(channels).map((value) => 1 + value * value));
        return () => {
          const grads = device.batchNormGrad(dy, [input], mean, variance, weight, bias, null, true, g);
          return [...grads.inputs, grads.weight, grads.bias];
        };
      },
    };
    return [forward, backward];
  });
}

function pools(device: Device, batch: number): KernelCase[] {
  const stem = { ...pool2d(batch, 64, 112, 3, 1), dilationHeight: 1, dilationWidth: 1 };
  const [stemIn, stemOut] = [batch * 64 * 112 * 112, batch * 64 * 56 * 56];
  const centres = Float32Array.from({ length: stemOut }, (_, i) => {
    const [y, x] = [Math.floor(i / 56) % 56, i % 56];
    return 2 * y * 112 + 2 * x;
  });
  const transition = { ...pool2d(batch, 128, 56, 2, 0), countIncludePad: true, divisorOverride: 0 };
  const [wide, narrow] = [batch * 128 * 56 * 56, batch * 128 * 28 * 28];
  const head = { batch, channels: 2048, inHeight: 7, inWidth: 7, outHeight: 1, outWidth: 1 };
  const max = { kernel: 'max pool', shape: '3x3/2 64 @112', flops: 0 };
  const average = { kernel: 'average pool', shape: '2x2/2 128 @56', flops: 0 };
  const global = { kernel: 'global average pool', shape: '2048 @7', flops: 0 };
  return [
    plain({ ...max, pass: 'forward' }, [stemIn], [stemOut, stemOut], (x) =>
      Object.values(device.maxPool2d(x, stem)),
    ),
    {
      ...max,
      pass: 'backward',
      values: 2 * stemOut + stemIn,
      open(upload) {
        const [dy, indices] = [upload(noise(stemOut)), upload(centres)];
        return () => [device.maxPool2dGrad(dy, indices, stem)];
      },
    },
    plain({ ...average, pass: 'forward' }, [wide], [narrow], (x) => device.avgPool2d(x, transition)),
    plain({ ...average, pass: 'backward' }, [narrow], [wide], (dy) => device.avgPool2dGrad(dy, transition)),
    plain({ ...global, pass: 'forward' }, [batch * 2048 * 49], [batch * 2048], (x) =>
      device.adaptiveAvgPool2d(x, head),
    ),
    plain({ ...global, pass: 'backward' }, [batch * 2048], [batch * 2048 * 49], (dy) =>
      device.adaptiveAvgPool2dGrad(dy, head),
    ),
  ];
}

function elementwise(device: Device, batch: number): KernelCase[] {
  const n = batch * 256 * 56 * 56;
  const flat = { shape: [n], strides: [[1], [1]] };
  const plane = 28 * 28;
  const parts = [256, 32, 32, 32];
  const name = (kernel: string, shape: string, pass = 'forward') => ({ kernel, shape, pass, flops: 0 });
  return [
    plain(name('relu', '256 @56'), [n], [n], (x) => device.unary('relu', x, 0)),
    plain(name('relu', '256 @56', 'backward'), [n, n], [n], (dy, y) => device.unaryGrad('relu', dy, y, 0)),
    plain(name('sigmoid', '256 @56'), [n], [n], (x) => device.unary('sigmoid', x, 0)),
    plain(name('add', '256 @56'), [n, n], [n], (a, b) => device.binary('add', a, b, flat)),
    plain(name('add', '256 @56, one per channel'), [n, 256], [n], (a, b) =>
      device.binary('add', a, b, {
        shape: [batch, 256, 56 * 56],
        strides: [
          [256 * 56 * 56, 56 * 56, 1],
          [0, 1, 0],
        ],
      }),
    ),
    plain(name('sum', '256 @56, per channel'), [n], [256], (x) =>
      device.reduce('sum', x, { shape: [batch, 256, 56 * 56], reduced: [true, false, true] }),
    ),
    plain(
      name('concat', '256+32+32+32 @28'),
      parts.map((channels) => batch * channels * plane),
      [batch * sum(parts) * plane],
      (...xs) => device.concat(xs, { outer: batch, sizes: parts, inner: plane }),
    ),
  ];
}
