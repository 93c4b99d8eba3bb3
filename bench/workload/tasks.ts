/** Every kernel that is measured, as data: who runs it, and where, is another matter. */
import type {
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  BatchNormGeometry,
  BroadcastGeometry,
  ConcatGeometry,
  Conv2dGeometry,
  MatmulGeometry,
  MaxPool2dGeometry,
  ReduceGeometry,
} from '../../lib/devices/device.ts';
import { CONV_SHAPES, conv2d, convName, GEMM_SIZES, gemm, pool2d, sizeOf } from './shapes.ts';

export const CONV_PASSES = ['forward', 'input grad', 'weight grad'] as const;
export type ConvPass = (typeof CONV_PASSES)[number];

/** What is computed of the operands, in this order; the first result is the one that is compared. */
export type Computation =
  /** a, b, bias where there is one. */
  | { readonly op: 'matmul'; readonly g: MatmulGeometry }
  /** x, weight; dy, weight; x, dy. */
  | { readonly op: 'conv2d' | 'conv2dInputGrad' | 'conv2dWeightGrad'; readonly g: Conv2dGeometry }
  /** x, weight, bias, by the batch's own statistics; dy, x, weight, bias. */
  | { readonly op: 'batchNorm' | 'batchNormGrad'; readonly g: BatchNormGeometry }
  /** x; dy, x. */
  | { readonly op: 'maxPool2d' | 'maxPool2dGrad'; readonly g: MaxPool2dGeometry }
  /** x; dy. */
  | { readonly op: 'avgPool2d' | 'avgPool2dGrad'; readonly g: AvgPool2dGeometry }
  | { readonly op: 'globalAvgPool' | 'globalAvgPoolGrad'; readonly g: AdaptivePool2dGeometry }
  /** x; dy, y. */
  | { readonly op: 'relu' | 'reluGrad' | 'sigmoid' }
  | { readonly op: 'add'; readonly g: BroadcastGeometry }
  | { readonly op: 'channelSums'; readonly g: ReduceGeometry }
  | { readonly op: 'concat'; readonly g: ConcatGeometry };

export interface KernelTask {
  readonly kernel: string;
  readonly shape: string;
  readonly pass: ConvPass | 'backward';
  /** Images of a run; 1 where there are none. */
  readonly batch: number;
  /** Multiplications and additions of a run; 0 where memory is the limit. */
  readonly flops: number;
  /** Values that a run reads and writes, each counted once. */
  readonly values: number;
  /** Shapes of what it is given: images `[N, C, H, W]`, weights `[O, C, H, W]`, matrices and vectors. All are `noise`. */
  readonly operands: readonly (readonly number[])[];
  readonly computation: Computation;
}

export const nameOfKernel = ({ kernel, shape, pass }: KernelTask): string => `${kernel} ${shape} ${pass}`;

export function kernelTasks(batch: number): KernelTask[] {
  return [
    ...GEMM_SIZES.map(gemmTask),
    ...CONV_SHAPES.flatMap((shape) => CONV_PASSES.map((pass) => convTask(shape, pass, batch))),
    ...[512, 1024, 2048].flatMap((features) => dense(features, batch)),
    ...[
      [64, 112],
      [256, 56],
      [512, 28],
      [1024, 14],
      [2048, 7],
    ].flatMap(([channels, size]) => batchNorm(channels, size, batch)),
    ...pools(batch),
    ...elementwise(batch),
  ];
}

type Named = Pick<KernelTask, 'kernel' | 'shape' | 'pass'>;

/** A task that reads all its operands and writes so many values. */
function task(
  { kernel, shape, pass }: Named,
  batch: number,
  operands: KernelTask['operands'],
  written: number,
  computation: Computation,
  flops = 0,
): KernelTask {
  const values = written + operands.reduce((total, operand) => total + sizeOf(operand), 0);
  return { kernel, shape, pass, batch, flops, values, operands, computation };
}

export function gemmTask(size: number): KernelTask {
  const matrix = [size, size];
  return task(
    { kernel: 'gemm', shape: String(size), pass: 'forward' },
    1,
    [matrix, matrix],
    size * size,
    { op: 'matmul', g: gemm(size, size, size) },
    2 * size ** 3,
  );
}

const CONV_OPS = {
  forward: 'conv2d',
  'input grad': 'conv2dInputGrad',
  'weight grad': 'conv2dWeightGrad',
} as const;

export function convTask(shape: (typeof CONV_SHAPES)[number], pass: ConvPass, batch: number): KernelTask {
  const g = conv2d(shape, batch);
  const x = [batch, g.inChannels, g.inHeight, g.inWidth];
  const w = [g.outChannels, g.inChannels, g.kernelHeight, g.kernelWidth];
  const y = [batch, g.outChannels, g.outHeight, g.outWidth];
  const [operands, result] = {
    forward: [[x, w], y],
    'input grad': [[y, w], x],
    'weight grad': [[x, y], w],
  }[pass] as [number[][], number[]];
  return task(
    { kernel: 'conv2d', shape: convName(shape), pass },
    batch,
    operands,
    sizeOf(result),
    { op: CONV_OPS[pass], g },
    2 * sizeOf(y) * g.inChannels * g.kernelHeight * g.kernelWidth,
  );
}

/** The classifiers: y `[N, 1000]` = x `[N, features]` W^T + b, W being `[1000, features]`. */
function dense(features: number, batch: number): KernelTask[] {
  const classes = 1000;
  const [x, w, y] = [
    [batch, features],
    [classes, features],
    [batch, classes],
  ];
  const flops = 2 * batch * classes * features;
  const of = (pass: ConvPass, operands: readonly number[][], written: readonly number[], g: MatmulGeometry) =>
    task(
      { kernel: 'dense', shape: `${features}->${classes}`, pass },
      batch,
      operands,
      sizeOf(written),
      { op: 'matmul', g },
      flops,
    );
  return [
    of('forward', [x, w, [classes]], y, { ...gemm(batch, classes, features), transposeB: true }),
    of('input grad', [y, w], x, gemm(batch, features, classes)),
    of('weight grad', [y, x], w, { ...gemm(classes, features, batch), transposeA: true }),
  ];
}

function batchNorm(channels: number, size: number, batch: number): KernelTask[] {
  const g: BatchNormGeometry = {
    batch,
    channels: [channels],
    spatial: size * size,
    eps: 1e-5,
    relu: true,
  };
  const name = { kernel: 'batch norm + relu', shape: `${channels} @${size}` };
  const x = [batch, channels, size, size];
  const affine = [[channels], [channels]];
  return [
    task({ ...name, pass: 'forward' }, batch, [x, ...affine], sizeOf(x) + 2 * channels, {
      op: 'batchNorm',
      g,
    }),
    task({ ...name, pass: 'backward' }, batch, [x, x, ...affine], sizeOf(x) + 4 * channels, {
      op: 'batchNormGrad',
      g,
    }),
  ];
}

function pools(batch: number): KernelTask[] {
  const stem = pool2d(batch, 64, 112, [3, 2, 1]);
  const transition = { ...pool2d(batch, 128, 56, [2, 2, 0]), countIncludePad: true, divisorOverride: 0 };
  const head = { batch, channels: 2048, inHeight: 7, inWidth: 7, outHeight: 1, outWidth: 1 };
  const inOf = (g: AdaptivePool2dGeometry) => [batch, g.channels, g.inHeight, g.inWidth];
  const outOf = (g: AdaptivePool2dGeometry) => [batch, g.channels, g.outHeight, g.outWidth];
  const pair = (
    kernel: string,
    shape: string,
    g: AdaptivePool2dGeometry,
    forward: Computation,
    backward: Computation,
  ) => [
    task({ kernel, shape, pass: 'forward' }, batch, [inOf(g)], sizeOf(outOf(g)), forward),
    task({ kernel, shape, pass: 'backward' }, batch, [outOf(g)], sizeOf(inOf(g)), backward),
  ];
  const [maxForward, maxBackward] = pair(
    'max pool',
    '3x3/2 64 @112',
    stem,
    { op: 'maxPool2d', g: stem },
    { op: 'maxPool2dGrad', g: stem },
  );
  const places = sizeOf(outOf(stem));
  return [
    { ...maxForward, values: maxForward.values + places },
    { ...maxBackward, values: maxBackward.values + places, operands: [outOf(stem), inOf(stem)] },
    ...pair(
      'average pool',
      '2x2/2 128 @56',
      transition,
      { op: 'avgPool2d', g: transition },
      { op: 'avgPool2dGrad', g: transition },
    ),
    ...pair(
      'global average pool',
      '2048 @7',
      head,
      { op: 'globalAvgPool', g: head },
      { op: 'globalAvgPoolGrad', g: head },
    ),
  ];
}

function elementwise(batch: number): KernelTask[] {
  const [channels, size] = [256, 56];
  const image = [batch, channels, size, size];
  const [n, plane] = [sizeOf(image), size * size];
  const name = (kernel: string, note = '', pass: KernelTask['pass'] = 'forward'): Named => ({
    kernel,
    shape: `${channels} @${size}${note}`,
    pass,
  });
  const parts = [256, 32, 32, 32];
  const part = (count: number) => [batch, count, 28, 28];
  const whole = sizeOf(part(parts.reduce((a, b) => a + b)));
  return [
    task(name('relu'), batch, [image], n, { op: 'relu' }),
    task(name('relu', '', 'backward'), batch, [image, image], n, { op: 'reluGrad' }),
    task(name('sigmoid'), batch, [image], n, { op: 'sigmoid' }),
    task(name('add'), batch, [image, image], n, { op: 'add', g: { shape: [n], strides: [[1], [1]] } }),
    task(name('add', ', one per channel'), batch, [image, [1, channels, 1, 1]], n, {
      op: 'add',
      g: {
        shape: [batch, channels, plane],
        strides: [
          [channels * plane, plane, 1],
          [0, 1, 0],
        ],
      },
    }),
    task(name('sum', ', per channel'), batch, [image], channels, {
      op: 'channelSums',
      g: { shape: [batch, channels, plane], reduced: [true, false, true] },
    }),
    task(
      { kernel: 'concat', shape: `${parts.join('+')} @28`, pass: 'forward' },
      batch,
      parts.map(part),
      whole,
      { op: 'concat', g: { outer: batch, sizes: parts, inner: 28 * 28 } },
    ),
  ];
}
