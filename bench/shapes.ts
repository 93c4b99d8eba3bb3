/** The shapes that kernels are measured at: those of ResNet-18, ResNet-50 and DenseNet-121 on images of 224x224. */
import type { Conv2dGeometry, MatmulGeometry, Pool2dGeometry } from '../lib/devices/device.ts';

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

export function conv2d(
  { in: inChannels, out: outChannels, kernel, stride, size }: Omit<ConvShape, 'network'>,
  batch: number,
): Conv2dGeometry {
  const padding = (kernel - 1) / 2;
  const out = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return {
    batch,
    inChannels,
    inHeight: size,
    inWidth: size,
    outChannels,
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
    groups: 1,
  };
}

export function pool2d(
  batch: number,
  channels: number,
  size: number,
  kernel: number,
  padding: number,
): Pool2dGeometry {
  const out = Math.floor((size + 2 * padding - kernel) / 2) + 1;
  return {
    batch,
    channels,
    inHeight: size,
    inWidth: size,
    outHeight: out,
    outWidth: out,
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideHeight: 2,
    strideWidth: 2,
    paddingHeight: padding,
    paddingWidth: padding,
  };
}

/** Values in [-1, 1), the same on every call of one length. */
export function noise(length: number): Float32Array {
  let state = length;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
