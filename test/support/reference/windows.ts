import type {
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  Conv2dGeometry,
  MaxPool2dGeometry,
} from '../../../lib/devices/device.ts';

/** Visits every multiply-add of a convolution by the flat indices of its x, weight and y. */
export function eachConv2dTap(
  g: Conv2dGeometry,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const inPerGroup = g.inChannels / g.groups;
  const outPerGroup = g.outChannels / g.groups;
  for (let n = 0; n < g.batch; n++) {
    for (let o = 0; o < g.outChannels; o++) {
      const firstIn = Math.floor(o / outPerGroup) * inPerGroup;
      for (let oy = 0; oy < g.outHeight; oy++) {
        for (let ox = 0; ox < g.outWidth; ox++) {
          const y = ((n * g.outChannels + o) * g.outHeight + oy) * g.outWidth + ox;
          for (let c = 0; c < inPerGroup; c++) {
            for (let ky = 0; ky < g.kernelHeight; ky++) {
              const iy = oy * g.strideHeight - g.paddingHeight + ky * g.dilationHeight;
              if (iy < 0 || iy >= g.inHeight) continue;
              for (let kx = 0; kx < g.kernelWidth; kx++) {
                const ix = ox * g.strideWidth - g.paddingWidth + kx * g.dilationWidth;
                if (ix < 0 || ix >= g.inWidth) continue;
                const x = ((n * g.inChannels + firstIn + c) * g.inHeight + iy) * g.inWidth + ix;
                const weight = ((o * inPerGroup + c) * g.kernelHeight + ky) * g.kernelWidth + kx;
                visit(x, weight, y);
              }
            }
          }
        }
      }
    }
  }
}

/** One output of a pooling: its flat index, its input plane, and the pixels under it as places in that plane. */
export interface Window {
  readonly y: number;
  readonly plane: number;
  readonly pixels: readonly number[];
  /** What an average divides by. */
  readonly divisor: number;
}

function* eachWindow(
  g: AdaptivePool2dGeometry,
  rowsOf: (oy: number) => readonly number[],
  columnsOf: (ox: number) => readonly number[],
  divisorOf: (oy: number, ox: number, pixels: number) => number,
): Generator<Window> {
  for (let plane = 0; plane < g.batch * g.channels; plane++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++) {
        const columns = columnsOf(ox);
        const pixels = rowsOf(oy).flatMap((row) => columns.map((column) => row * g.inWidth + column));
        yield {
          y: (plane * g.outHeight + oy) * g.outWidth + ox,
          plane: plane * g.inHeight * g.inWidth,
          pixels,
          divisor: divisorOf(oy, ox, pixels.length),
        };
      }
    }
  }
}

/** first, first + step, ...: `count` of them, but only those inside [0, size). */
const inside = (first: number, step: number, count: number, size: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i * step).filter((place) => place >= 0 && place < size);

export const maxPoolWindows = (g: MaxPool2dGeometry): Iterable<Window> =>
  eachWindow(
    g,
    (oy) => inside(oy * g.strideHeight - g.paddingHeight, g.dilationHeight, g.kernelHeight, g.inHeight),
    (ox) => inside(ox * g.strideWidth - g.paddingWidth, g.dilationWidth, g.kernelWidth, g.inWidth),
    () => 1,
  );

export const avgPoolWindows = (g: AvgPool2dGeometry): Iterable<Window> =>
  eachWindow(
    g,
    (oy) => inside(oy * g.strideHeight - g.paddingHeight, 1, g.kernelHeight, g.inHeight),
    (ox) => inside(ox * g.strideWidth - g.paddingWidth, 1, g.kernelWidth, g.inWidth),
    (oy, ox, pixels) => {
      if (g.divisorOverride) return g.divisorOverride;
      if (!g.countIncludePad) return pixels;
      const top = oy * g.strideHeight - g.paddingHeight;
      const left = ox * g.strideWidth - g.paddingWidth;
      const bottom = Math.min(top + g.kernelHeight, g.inHeight + g.paddingHeight);
      const right = Math.min(left + g.kernelWidth, g.inWidth + g.paddingWidth);
      return (bottom - top) * (right - left);
    },
  );

export function adaptivePoolWindows(g: AdaptivePool2dGeometry): Iterable<Window> {
  const range = (i: number, n: number, size: number) => {
    const first = Math.floor((i * size) / n);
    return inside(first, 1, Math.ceil(((i + 1) * size) / n) - first, size);
  };
  return eachWindow(
    g,
    (oy) => range(oy, g.outHeight, g.inHeight),
    (ox) => range(ox, g.outWidth, g.inWidth),
    (_oy, _ox, pixels) => pixels,
  );
}
