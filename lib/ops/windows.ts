/** The sizes of sliding windows, as torch.nn counts them. */

import { ArgumentError, quote, ShapeError } from '../errors.ts';
import { checkTensor } from '../tensor/placement.ts';
import { formatShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];

/** GPUs count in 32-bit integers. */
const MOST = 2 ** 31 - 1;

/** Resolves a pair of whole numbers, `least` or more. */
export function pair(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const both = Array.isArray(value) ? (value as readonly number[]) : [value as number, value as number];
  if (both.length !== 2 || !both.every((n) => Number.isInteger(n) && n >= least && n <= MOST)) {
    throw new ShapeError(
      `${op}: ${name} wants a whole number >= ${least} or two of them, got ${quote(value)}`,
    );
  }
  return [both[0], both[1]];
}

/** The sizes of an image batch. @throws ShapeError for another rank than four */
export function imageSizes(op: string, x: Tensor): readonly [number, number, number, number] {
  checkTensor(op, x);
  const [n, c, h, w] = x.shape;
  if (x.rank !== 4) throw new ShapeError(`${op}: input wants [N, C, H, W], got ${formatShape(x.shape)}`);
  return [n, c, h, w];
}

/** @throws ShapeError for images without rows or columns: only a batch may be empty, or have no channels */
export function checkPlanes(op: string, x: Tensor): void {
  if (x.shape[2] === 0 || x.shape[3] === 0) {
    throw new ShapeError(`${op}: input wants at least one row and column, got ${formatShape(x.shape)}`);
  }
}

/** The windows of a pooling op. */
export interface PoolWindow {
  /** Height and width of a window, as one number or [height, width]. */
  readonly kernelSize: Pair;
  /** From one window to the next. Default: the kernel's size. */
  readonly stride?: Pair;
  /** Values around the image that take no part: -infinity for maxima, 0 for means. Default 0; at most half the kernel's size. */
  readonly padding?: Pair;
  /** Count windows that reach past the padded input, if they start inside it or its left padding; default false. */
  readonly ceilMode?: boolean;
}

/** Options of a window, or its first arguments in PyTorch's order and then the other options. */
export type WindowArguments<O extends Pick<PoolWindow, 'kernelSize' | 'stride'>> =
  | [options: O]
  | [kernelSize: Pair, options?: Omit<O, 'kernelSize'>]
  | [kernelSize: Pair, stride: Pair, options?: Omit<O, 'kernelSize' | 'stride'>]
  | [
      kernelSize: Pair,
      stride: Pair,
      padding: NonNullable<O[keyof O & 'padding']>,
      options?: Omit<O, 'kernelSize' | 'stride' | 'padding'>,
    ];

/** The options of a window from either form. @throws ArgumentError for more than these, or one given twice */
export function windowOptions<O extends Pick<PoolWindow, 'kernelSize' | 'stride'>>(
  owner: string,
  args: WindowArguments<O>,
): O {
  const values: readonly unknown[] = args;
  const isOptions = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const count = values.some(isOptions) ? values.findIndex(isOptions) : values.length;
  const [options = {}, ...more] = values.slice(count);
  const positional = ['kernelSize', 'stride', 'padding'].slice(0, count);
  if (count > 3 || more.length > 0) {
    throw new ArgumentError(
      `${owner}: takes kernelSize, stride and padding in this order, and others as options: ` +
        `got ${values.map(quote).join(', ')}`,
    );
  }
  const twice = positional.find((name) => Object.hasOwn(options as object, name));
  if (twice) throw new ArgumentError(`${owner}: ${twice} is given twice`);
  return Object.assign({}, options, ...positional.map((name, i) => ({ [name]: values[i] })));
}

/** The windows of a pooling op over x. @throws ShapeError for other ranks, bad windows, or an empty output */
export function poolWindows(
  op: string,
  x: Tensor,
  {
    kernelSize,
    stride,
    padding,
    ceilMode,
  }: Required<Omit<PoolWindow, 'stride'>> & Pick<PoolWindow, 'stride'>,
  dilation: Pair = 1,
) {
  const [batch, channels, inHeight, inWidth] = imageSizes(op, x);
  checkPlanes(op, x);
  const [kernelHeight, kernelWidth] = pair(op, 'kernelSize', kernelSize, 1);
  const [strideHeight, strideWidth] = pair(op, 'stride', stride ?? kernelSize, 1);
  const [paddingHeight, paddingWidth] = pair(op, 'padding', padding, 0);
  const [dilationHeight, dilationWidth] = pair(op, 'dilation', dilation, 1);
  if (2 * paddingHeight > kernelHeight || 2 * paddingWidth > kernelWidth) {
    throw new ShapeError(
      `${op}: padding ${formatShape([paddingHeight, paddingWidth])} is more than half of the kernel ${formatShape([kernelHeight, kernelWidth])}`,
    );
  }
  const count = (size: number, kernel: number, stride: number, padding: number, dilation: number) => {
    const last = size + 2 * padding - dilation * (kernel - 1) - 1; // where the last window may start
    if (!ceilMode) return Math.floor(last / stride) + 1;
    const windows = Math.ceil(last / stride) + 1;
    return (windows - 1) * stride >= size + padding ? windows - 1 : windows;
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
