/**
 * What the pooling kernels share: they work on one plane (image, channel) at a time, and all of their geometry but the
 * number of planes is compiled in.
 */
import type { AdaptivePool2dGeometry } from '../../primitives.ts';
import type { KernelContext } from '../emit/kernel.ts';
import type { I32, Local, V128 } from '../emit/values.ts';

export const PARAMS = { x: 'i32', out: 'i32', indices: 'i32', planes: 'i32', itemsPerTask: 'i32' } as const;
type PoolContext = KernelContext<typeof PARAMS>;

export const keyOf = (geometry: AdaptivePool2dGeometry): string =>
  Object.entries({ ...geometry, batch: 0, channels: 0 })
    .map(([name, value]) => `${name}=${Number(value)}`)
    .join(' ');

/** How the windows of a row move: four neighbours can be read at once where all their pixels are in the row. */
export interface Span {
  readonly stride: number;
  readonly padding: number;
  /** From a window's first column to its last. */
  readonly reach: number;
}

/** Visits a task's planes with the offsets of their input and output in bytes, and their outputs one by one, or `four` at once. */
export function eachOutput(
  { f, p, task }: PoolContext,
  g: AdaptivePool2dGeometry,
  span: Span | null,
  eachPlane: (input: I32, output: I32) => void,
  visit: (oy: Local<I32>, ox: Local<I32>, four: boolean) => void,
): void {
  const start = f.i32(task.mul(p.itemsPerTask));
  const ox = f.i32();
  const step = (oy: Local<I32>, four: boolean) => {
    visit(oy, ox, four);
    ox.set(ox.add(four ? 4 : 1));
  };
  f.for(start, start.add(p.itemsPerTask).min(p.planes), (plane) => {
    eachPlane(f.i32(plane.mul(g.inHeight * g.inWidth * 4)), f.i32(plane.mul(g.outHeight * g.outWidth * 4)));
    f.for(0, g.outHeight, (oy) => {
      ox.set(0);
      f.while(ox.lt(g.outWidth), () => {
        if (!span || span.stride > 2) return step(oy, false);
        const first = f.i32(ox.mul(span.stride).sub(span.padding));
        const inside = first.ge(0).and(first.add(span.reach + 4 * span.stride).le(g.inWidth));
        f.if(
          inside.and(ox.add(4).le(g.outWidth)),
          () => step(oy, true),
          () => step(oy, false),
        );
      });
    });
  });
}

/** The pixels at an address: those of four neighbouring windows, or one in all lanes. */
export const pixels = (address: I32, stride: number, four: boolean, offset = 0): V128 => {
  if (!four) return address.splat32(offset);
  const low = address.v128(offset);
  return stride === 1 ? low : low.shuffle(address.v128(offset + 16), [0, 2, 4, 6]);
};
