import type { WindowAxis } from '../program/windows.ts';

/**
 * Along one axis: which input a tile of outputs reads. Output i of tile t takes, for kernel element k, the input
 * at t * step + offset, with the taps' offsets; inputs outside the image are zeros that the packed image holds.
 */
export interface Axis {
  /** Outputs of one tile. */
  readonly tile: number;
  readonly tiles: number;
  /** Whether a tile's outputs lie `tiles` apart, and are not neighbours. */
  readonly apart: boolean;
  readonly step: number;
  readonly taps: readonly { readonly i: number; readonly k: number; readonly offset: number }[];
  /** Packed position = input position + before; `size` of them reach the last tile's last tap. */
  readonly before: number;
  readonly size: number;
  /** The kernel elements of one round: `taps` has them for k = 0, and each further k moves their offsets by `stride`. */
  readonly loop: { readonly count: number; readonly stride: number } | null;
}

/** Forward: y[o] takes x[o * stride + k * dilation - padding]. */
export function forwardAxis(a: WindowAxis, tile: number): Axis {
  return axis(a.kernel, tile, a.output, tile * a.stride, (i, k) => i * a.stride + k * a.dilation - a.padding);
}

/**
 * Input gradient: dx[p] takes dy[(p + padding - k * dilation) / stride] where that is whole. A tile that is a
 * multiple of the stride sees the same taps wherever it lies, so that no zero is ever multiplied.
 */
export function inputGradAxis(a: WindowAxis, tile: number): Axis {
  return axis(
    a.kernel,
    tile,
    a.input,
    tile / a.stride,
    (i, k) => (i + a.padding - k * a.dilation) / a.stride,
  );
}

function axis(
  kernel: number,
  tile: number,
  length: number,
  step: number,
  offsetOf: (i: number, k: number) => number,
): Axis {
  const taps = [];
  for (let i = 0; i < tile; i++) {
    for (let k = 0; k < kernel; k++) {
      const offset = offsetOf(i, k);
      if (Number.isInteger(offset)) taps.push({ i, k, offset });
    }
  }
  const offsets = taps.map((tap) => tap.offset);
  const before = -Math.min(...offsets);
  const tiles = Math.ceil(length / tile);
  const size = (tiles - 1) * step + Math.max(...offsets) + before + 1;
  return { tile, tiles, apart: false, step, taps, before, size, loop: null };
}

/**
 * A convolution by one element with stride 1: the image is one row, and the pixels of a tile lie apart, so that
 * neighbouring results come from one output. What a last tile reads beyond the row is for results that nobody reads.
 */
export function pointwiseTiling(outputs: number, pixels: number): Tiling {
  const tile = Math.min(outputs, pixels);
  const tiles = Math.ceil(pixels / tile);
  const taps = Array.from({ length: tile }, (_, i) => ({ i, k: 0, offset: i * tiles }));
  const one = {
    tile: 1,
    tiles: 1,
    apart: false,
    step: 1,
    taps: taps.slice(0, 1),
    before: 0,
    size: 1,
    loop: null,
  };
  return { height: one, width: { ...one, tile, tiles, apart: true, taps, size: pixels } };
}

export interface Tiling {
  readonly height: Axis;
  readonly width: Axis;
}

/**
 * The tile of at most `outputs` pixels that fetches least. Each tile and four reduced channels cost one fetch for
 * each distinct input and four for each kernel element.
 */
export function bestTiling(
  outputs: number,
  heightAxis: (tile: number) => Axis,
  widthAxis: (tile: number) => Axis,
  multiple: readonly [number, number],
): Tiling | null {
  let best: Tiling | null = null;
  let least = Infinity;
  for (let th = multiple[0]; th <= outputs; th += multiple[0]) {
    for (let tw = multiple[1]; th * tw <= outputs; tw += multiple[1]) {
      const height = heightAxis(th);
      const width = widthAxis(tw);
      const cost = height.tiles * width.tiles * fetches(height, width);
      if (cost < least) {
        least = cost;
        best = { height, width };
      }
    }
  }
  return best;
}

function fetches(height: Axis, width: Axis): number {
  const kernels = distinct(height.taps, 'k') * distinct(width.taps, 'k');
  const inputs = distinct(height.taps, 'offset') * distinct(width.taps, 'offset');
  return inputs + 4 * kernels;
}

function distinct(taps: Axis['taps'], field: 'k' | 'offset'): number {
  return new Set(taps.map((tap) => tap[field])).size;
}

/** Multiply-adds of lanes by lanes beyond which a kernel's rows go into a loop: compilers take their time. */
const UNROLLED = 80;

/** The tiling with the rows of the kernel in a loop, where every output takes every one of them and there are many. */
export function withLoop({ height, width }: Tiling, kernelHeight: number): Tiling {
  const regular = kernelHeight > 1 && height.taps.length === height.tile * kernelHeight;
  if (!regular || height.taps.length * width.taps.length <= UNROLLED) return { height, width };
  const stride = height.taps[1].offset - height.taps[0].offset;
  const taps = height.taps.filter((tap) => tap.k === 0);
  return { height: { ...height, taps, loop: { count: kernelHeight, stride } }, width };
}
