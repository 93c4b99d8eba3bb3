/** The sizes of sliding windows, as torch.nn counts them. */
import { ShapeError } from '../errors.ts';
import { formatShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];

/** Resolves a pair of whole numbers, `least` or more. */
export function pair(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const both = typeof value === 'number' ? ([value, value] as const) : value;
  if (both.length !== 2 || !both.every((n) => Number.isInteger(n) && n >= least)) {
    throw new ShapeError(
      `${op}: ${name} wants a whole number >= ${least} or two of them, got ${typeof value === 'number' ? value : formatShape(value)}`,
    );
  }
  return both;
}

/** The sizes of an image batch. @throws ShapeError for another rank than four */
export function imageSizes(op: string, x: Tensor): readonly [number, number, number, number] {
  const [n, c, h, w] = x.shape;
  if (x.rank !== 4) throw new ShapeError(`${op}: input wants [N, C, H, W], got ${formatShape(x.shape)}`);
  return [n, c, h, w];
}

export interface PoolWindow {
  readonly kernelSize: Pair;
  /** Default: the kernel's size. */
  readonly stride?: Pair;
  /** Default 0; at most half the kernel's size. */
  readonly padding?: Pair;
  /** Count windows that reach past the padded input, if they start inside it or its left padding; default false. */
  readonly ceilMode?: boolean;
}

/** The windows of a pooling op over x. @throws ShapeError for other ranks, bad windows, or an empty output */
export function poolWindows(
  op: string,
  x: Tensor,
  { kernelSize, stride = kernelSize, padding = 0, ceilMode = false }: PoolWindow,
  dilation: Pair = 1,
) {
  const [batch, channels, inHeight, inWidth] = imageSizes(op, x);
  const [kernelHeight, kernelWidth] = pair(op, 'kernelSize', kernelSize, 1);
  const [strideHeight, strideWidth] = pair(op, 'stride', stride, 1);
  const [paddingHeight, paddingWidth] = pair(op, 'padding', padding, 0);
  const [dilationHeight, dilationWidth] = pair(op, 'dilation', dilation, 1);
  if (2 * paddingHeight > kernelHeight || 2 * paddingWidth > kernelWidth) {
    throw new ShapeError(
      `${op}: padding ${formatShape([paddingHeight, paddingWidth])} is more than half of the kernel ${formatShape([kernelHeight, kernelWidth])}`,
    );
  }
  const count = (size: number, kernel: number, step: number, pad: number, gap: number) => {
    const room = size + 2 * pad - gap * (kernel - 1) - 1;
    if (!ceilMode) return Math.floor(room / step) + 1;
    const windows = Math.ceil(room / step) + 1;
    return (windows - 1) * step >= size + pad ? windows - 1 : windows;
  };
  const outHeight = count(inHeight, kernelHeight, strideHeight, paddingHeight, dilationHeight);
  const outWidth = count(inWidth, kernelWidth, strideWidth, paddingWidth, dilationWidth);
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      `${op}: input ${formatShape(x.shape)} is too small for the kernel ${formatShape([kernelHeight, kernelWidth])}, padding ${formatShape([paddingHeight, paddingWidth])} and dilation ${formatShape([dilationHeight, dilationWidth])}`,
    );
  }
  return {
    batch,
    channels,
    inHeight,
    inWidth,
    outHeight,
    outWidth,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    paddingHeight,
    paddingWidth,
    dilationHeight,
    dilationWidth,
  };
}
