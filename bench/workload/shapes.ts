/** The shapes that kernels are measured at: those of ResNet-18, ResNet-50 and DenseNet-121 on images of 224x224. */
import type { Conv2dGeometry, MatmulGeometry, MaxPool2dGeometry } from '../../lib/devices/device.ts';

export const GEMM_SIZES = [256, 512, 1024, 2048];

/** A convolution of square images with `same` padding; in and out are channels, size the input's height and width. */
export interface ConvShape {
  readonly network: 'resnet' | 'resnet18' | 'resnet50' | 'densenet121';
  readonly kernel: 1 | 3 | 7;
  readonly stride: 1 | 2;
  readonly in: number;
  readonly out: number;
  readonly size: number;
}

const rows = (
  network: ConvShape['network'],
  kernel: ConvShape['kernel'],
  stride: ConvShape['stride'],
  shapes: readonly (readonly [channelsIn: number, channelsOut: number, size: number])[],
): ConvShape[] =>
  shapes.map(([channelsIn, out, size]) => ({ network, kernel, stride, in: channelsIn, out, size }));

/** Each shape once, under the first network that has it; `resnet` is both. Of DenseNet's 58 1x1 ones, the widest of each block. */
export const CONV_SHAPES: readonly ConvShape[] = [
  ...rows('resnet', 7, 2, [[3, 64, 224]]),
  ...rows('resnet', 3, 1, [
    [64, 64, 56],
    [128, 128, 28],
    [256, 256, 14],
    [512, 512, 7],
  ]),
  ...rows('resnet18', 3, 2, [
    [64, 128, 56],
    [128, 256, 28],
    [256, 512, 14],
  ]),
  ...rows('resnet18', 1, 2, [
    [64, 128, 56],
    [128, 256, 28],
    [256, 512, 14],
  ]),
  ...rows('resnet50', 1, 1, [
    [64, 64, 56],
    [64, 256, 56],
    [256, 64, 56],
    [256, 128, 56],
    [128, 512, 28],
    [512, 128, 28],
    [512, 256, 28],
    [256, 1024, 14],
    [1024, 256, 14],
    [1024, 512, 14],
    [512, 2048, 7],
    [2048, 512, 7],
  ]),
  ...rows('resnet50', 3, 2, [
    [128, 128, 56],
    [256, 256, 28],
    [512, 512, 14],
  ]),
  ...rows('resnet50', 1, 2, [
    [256, 512, 56],
    [512, 1024, 28],
    [1024, 2048, 14],
  ]),
  ...rows('densenet121', 1, 1, [
    [224, 128, 56],
    [480, 128, 28],
    [992, 128, 14],
    [992, 128, 7],
  ]),
  ...rows('densenet121', 3, 1, [
    [128, 32, 56],
    [128, 32, 28],
    [128, 32, 14],
    [128, 32, 7],
  ]),
];

export const convName = ({ network, kernel, stride, in: from, out, size }: ConvShape): string =>
  `${network} ${kernel}x${kernel}${stride === 2 ? '/2' : ''} ${from}->${out} @${size}`;

export function gemm(m: number, n: number, k: number): MatmulGeometry {
  return { batch: 1, m, n, k, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
}

/** A convolution's geometry: its output's size from the rest, and strides, dilations and groups 1, paddings 0, where not given. */
export function convGeometry(
  given: Omit<Conv2dGeometry, ConvDefaults | 'outHeight' | 'outWidth'> &
    Partial<Pick<Conv2dGeometry, ConvDefaults>>,
): Conv2dGeometry {
  const g = { ...CONV_DEFAULTS, ...given };
  const out = (size: number, kernel: number, stride: number, padding: number, dilation: number) =>
    Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  return {
    ...g,
    outHeight: out(g.inHeight, g.kernelHeight, g.strideHeight, g.paddingHeight, g.dilationHeight),
    outWidth: out(g.inWidth, g.kernelWidth, g.strideWidth, g.paddingWidth, g.dilationWidth),
  };
}

const CONV_DEFAULTS = {
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: 0,
  paddingWidth: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};
type ConvDefaults = keyof typeof CONV_DEFAULTS;

export function conv2d(
  { in: inChannels, out: outChannels, kernel, stride, size }: Omit<ConvShape, 'network'>,
  batch: number,
): Conv2dGeometry {
  const padding = (kernel - 1) / 2;
  return convGeometry({
    batch,
    inChannels,
    inHeight: size,
    inWidth: size,
    outChannels,
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideHeight: stride,
    strideWidth: stride,
    paddingHeight: padding,
    paddingWidth: padding,
  });
}

/** A pooling of square windows of square images. */
export function pool2d(
  batch: number,
  channels: number,
  size: number,
  [kernel, stride, padding]: readonly [kernel: number, stride: number, padding: number],
): MaxPool2dGeometry {
  const out = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return {
    batch,
    channels,
    inHeight: size,
    inWidth: size,
    outHeight: out,
    outWidth: out,
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideHeight: stride,
    strideWidth: stride,
    paddingHeight: padding,
    paddingWidth: padding,
    dilationHeight: 1,
    dilationWidth: 1,
  };
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** Values in [-1, 1), the same on every call of one length and number. */
export function noise(length: number, number = 0): Float32Array {
  const values = new Float32Array(length);
  let state = length + number;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}
