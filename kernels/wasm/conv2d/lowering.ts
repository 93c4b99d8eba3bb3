/** How convolutions become matrix products: how they read, where they write, and the order of their weights. */
import type { Conv2dGeometry } from '../../primitives.ts';
import type { OutputPlanes } from '../gemm/gemm.ts';
import type { Im2colView } from '../gemm/im2col-view.ts';
import type { StridedMatrix } from '../gemm/pack.ts';

/** One matrix product: C[rows, positions] = packed weights times the view's columns. */
export interface ConvGemm {
  readonly weights: StridedMatrix;
  readonly view: Im2colView;
  readonly output: OutputPlanes;
  readonly grid: { readonly height: number; readonly width: number };
  readonly weightsPerGroup: number;
}

export const weightsPerGroup = (g: Conv2dGeometry): number =>
  (g.outChannels / g.groups) * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth;

/** How the forward pass reads x, one view per output. */
export const forwardView = (g: Conv2dGeometry): Im2colView => ({
  height: g.inHeight,
  width: g.inWidth,
  gridHeight: g.outHeight,
  gridWidth: g.outWidth,
  strideY: g.strideHeight,
  strideX: g.strideWidth,
  originY: -g.paddingHeight,
  originX: -g.paddingWidth,
  tapsY: g.kernelHeight,
  tapsX: g.kernelWidth,
  dilationY: g.dilationHeight,
  dilationX: g.dilationWidth,
  imageStride: g.inChannels * g.inHeight * g.inWidth,
});

export function forwardGemm(g: Conv2dGeometry): ConvGemm {
  const [rows, channels] = [g.outChannels / g.groups, g.inChannels / g.groups];
  const taps = g.kernelHeight * g.kernelWidth;
  return {
    weights: {
      rows,
      channels,
      tapsY: g.kernelHeight,
      tapsX: g.kernelWidth,
      row: channels * taps,
      channel: taps,
      tapY: g.kernelWidth,
      tapX: 1,
      offset: 0,
    },
    view: forwardView(g),
    output: {
      height: g.outHeight,
      width: g.outWidth,
      strideY: 1,
      strideX: 1,
      originY: 0,
      originX: 0,
      imageStride: g.outChannels * g.outHeight * g.outWidth,
    },
    grid: { height: g.outHeight, width: g.outWidth },
    weightsPerGroup: weightsPerGroup(g),
  };
}

/** Along one axis: the taps that reach the input positions of one residue modulo the stride, and where they read dy. */
interface Phase {
  /** The phase's positions on the axis: residue, residue + stride, ..., `positions` of them. */
  readonly residue: number;
  readonly positions: number;
  /** Taps first, first + every, ...: `taps` of them; tap i of the phase's position p reads dy at p + origin - i * dilation. */
  readonly first: number;
  readonly every: number;
  readonly taps: number;
  readonly origin: number;
  readonly dilation: number;
}

const gcd = (a: number, b: number): number => (b ? gcd(b, a % b) : a);

/** Output o meets input i by tap k where o * stride = i + padding - k * dilation. */
function phasesOf(size: number, kernel: number, stride: number, padding: number, dilation: number): Phase[] {
  const every = stride / gcd(stride, dilation);
  return Array.from({ length: Math.min(stride, size) }, (_, residue) => {
    let first = 0;
    while (first < Math.min(every, kernel) && (residue + padding - first * dilation) % stride !== 0) first++;
    const found = first < Math.min(every, kernel);
    return {
      residue,
      positions: Math.ceil((size - residue) / stride),
      first,
      every,
      taps: found ? Math.ceil((kernel - first) / every) : 0,
      origin: (residue + padding - first * dilation) / stride,
      dilation: (every * dilation) / stride,
    };
  });
}

/** The matrix products that make up the input gradient: one for each residue of the strides that any tap reaches. */
export function inputGradGemms(g: Conv2dGeometry): { gemms: ConvGemm[]; complete: boolean } {
  const [channels, rows] = [g.outChannels / g.groups, g.inChannels / g.groups];
  const taps = g.kernelHeight * g.kernelWidth;
  const vertical = phasesOf(g.inHeight, g.kernelHeight, g.strideHeight, g.paddingHeight, g.dilationHeight);
  const horizontal = phasesOf(g.inWidth, g.kernelWidth, g.strideWidth, g.paddingWidth, g.dilationWidth);
  const pairs = vertical.flatMap((y) => horizontal.map((x) => ({ y, x })));
  const reached = pairs.filter(({ y, x }) => y.taps > 0 && x.taps > 0);
  const gemms = reached.map(({ y, x }) => ({
    weights: {
      rows,
      channels,
      tapsY: y.taps,
      tapsX: x.taps,
      row: taps,
      channel: rows * taps,
      tapY: y.every * g.kernelWidth,
      tapX: x.every,
      offset: y.first * g.kernelWidth + x.first,
    },
    view: {
      height: g.outHeight,
      width: g.outWidth,
      gridHeight: y.positions,
      gridWidth: x.positions,
      strideY: 1,
      strideX: 1,
      originY: y.origin,
      originX: x.origin,
      tapsY: y.taps,
      tapsX: x.taps,
      dilationY: -y.dilation,
      dilationX: -x.dilation,
      imageStride: g.outChannels * g.outHeight * g.outWidth,
    },
    output: {
      height: g.inHeight,
      width: g.inWidth,
      strideY: g.strideHeight,
      strideX: g.strideWidth,
      originY: y.residue,
      originX: x.residue,
      imageStride: g.inChannels * g.inHeight * g.inWidth,
    },
    grid: { height: y.positions, width: x.positions },
    weightsPerGroup: weightsPerGroup(g),
  }));
  return { gemms, complete: reached.length === pairs.length };
}
