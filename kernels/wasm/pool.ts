/** Pooling, one plane (image, channel) at a time; geometry but the number of planes is compiled in. */
import type { AdaptivePool2dGeometry, AvgPool2dGeometry, MaxPool2dGeometry } from '../primitives.ts';
import type { FunctionBuilder } from './emit/assembler.ts';
import { defineKernel, type Emission } from './emit/kernel.ts';
import { fillRun } from './emit/loops.ts';
import { F32, I32, type Local, V128 } from './emit/values.ts';

const PARAMS = { x: 'i32', out: 'i32', indices: 'i32', planes: 'i32', units: 'i32' } as const;
type PoolEmission = Emission<typeof PARAMS>;

const keyOf = (geometry: AdaptivePool2dGeometry): string =>
  Object.entries({ ...geometry, batch: 0, channels: 0 })
    .map(([name, value]) => `${name}=${Number(value)}`)
    .join(' ');

/** How the windows of a row move: four neighbours can be read at once where all their pixels are in the row. */
interface Span {
  readonly stride: number;
  readonly padding: number;
  /** From a window's first column to its last. */
  readonly reach: number;
}

/** Visits a task's planes with the places of their input and output, and their outputs one by one, or `four` at once. */
function eachOutput(
  { f, p, task }: PoolEmission,
  g: AdaptivePool2dGeometry,
  span: Span | null,
  eachPlane: (input: I32, output: I32) => void,
  visit: (oy: Local<I32>, ox: Local<I32>, four: boolean) => void,
): void {
  const start = f.i32(task.mul(p.units));
  const ox = f.i32();
  const step = (oy: Local<I32>, four: boolean) => {
    visit(oy, ox, four);
    ox.set(ox.add(four ? 4 : 1));
  };
  f.for(start, start.add(p.units).min(p.planes), (plane) => {
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
const pixels = (address: I32, stride: number, four: boolean, offset = 0): V128 => {
  if (!four) return address.splat32(offset);
  const low = address.v128(offset);
  return stride === 1 ? low : low.shuffle(address.v128(offset + 16), [0, 2, 4, 6]);
};

/** Windows of more pixels are searched by a loop. */
const MOST_UNROLLED = 16;

/** Whether a later value takes the place of the best one: where it is greater, or the first NaN. */
const beats = (value: V128, best: V128): V128 => value.gt(best).or(value.ne(value).and(best.eq(best)));

/**
 * Input: x; outputs: out and the winners' places, indices. The first of equals wins, a NaN beats all. A window whose
 * dilation steps over every pixel has no winner: -Infinity, as PyTorch's, at place -1, which gets no gradient.
 */
export const maxPoolKernel = (g: MaxPool2dGeometry) =>
  defineKernel(`maxPool ${keyOf(g)}`, PARAMS, (emission) => {
    const { f, p } = emission;
    const [x, out, indices, row, column, place] = Array.from({ length: 6 }, () => f.i32());
    const [best, value, winner, wins] = Array.from({ length: 4 }, () => f.v128());
    const stride = g.strideWidth;
    /** The places of four neighbouring windows' pixels. */
    const places = (first: I32) =>
      first
        .toF32()
        .splat()
        .add(V128.lanes([0, stride, 2 * stride, 3 * stride]));
    const span = { stride, padding: g.paddingWidth, reach: (g.kernelWidth - 1) * g.dilationWidth };
    eachOutput(
      emission,
      g,
      span,
      (input, output) => {
        x.set(p.x.add(input));
        out.set(p.out.add(output));
        indices.set(p.indices.add(output));
      },
      (oy, ox, four) => {
        const top = f.i32(oy.mul(g.strideHeight).sub(g.paddingHeight));
        const left = f.i32(ox.mul(stride).sub(g.paddingWidth));
        /** Of windows that may reach outside, tap by tap. */
        const search = () => {
          winner.set(-1);
          best.set(-Infinity);
          const meet = () => {
            place.set(row.mul(g.inWidth).add(column));
            value.set(pixels(f.i32(x.add(place.shl(2))), stride, four));
            wins.set(beats(value, best).or(winner.lt(0)));
            best.set(wins.choose(value, best));
            winner.set(wins.choose(places(place), winner));
          };
          row.set(top);
          f.repeat(I32.const(g.kernelHeight), () => {
            f.if(row.below(g.inHeight), () => {
              column.set(left);
              f.repeat(I32.const(g.kernelWidth), () => {
                if (four) meet();
                else f.if(column.below(g.inWidth), meet);
                column.set(column.add(g.dilationWidth));
              });
            });
            row.set(row.add(g.dilationHeight));
          });
        };
        /** Of windows that lie inside: the winner is counted from the first pixel. */
        const searchInside = () => {
          place.set(top.mul(g.inWidth).add(left));
          const first = f.i32(x.add(place.shl(2)));
          best.set(pixels(first, stride, true));
          winner.set(0);
          for (let tap = 1; tap < g.kernelHeight * g.kernelWidth; tap++) {
            const ky = Math.floor(tap / g.kernelWidth);
            const offset = ky * g.dilationHeight * g.inWidth + (tap % g.kernelWidth) * g.dilationWidth;
            value.set(pixels(first, stride, true, offset * 4));
            wins.set(beats(value, best));
            best.set(wins.choose(value, best));
            winner.set(wins.choose(V128.const(offset), winner));
          }
          winner.set(winner.add(places(place)));
        };
        const bottom = top.add((g.kernelHeight - 1) * g.dilationHeight);
        if (four && g.kernelHeight * g.kernelWidth <= MOST_UNROLLED) {
          f.if(top.ge(0).and(bottom.lt(g.inHeight)), searchInside, search);
        } else search();
        if (four) f.store(out, best);
        else f.storeLane(out, best, 0);
        if (four) f.store(indices, winner);
        else f.storeLane(indices, winner, 0);
        out.set(out.add(four ? 16 : 4));
        indices.set(indices.add(four ? 16 : 4));
      },
    );
  });

/** Inputs: dy as x, and indices; out is dx. */
export const maxPoolGradKernel = (g: MaxPool2dGeometry) =>
  defineKernel(`maxPoolGrad ${keyOf(g)}`, PARAMS, ({ f, p, task }) => {
    const inputs = g.inHeight * g.inWidth;
    const outputs = g.outHeight * g.outWidth;
    const start = f.i32(task.mul(p.units));
    f.for(start, start.add(p.units).min(p.planes), (plane) => {
      const dx = f.i32(p.out.add(plane.mul(inputs * 4)));
      fillRun(f, f.i32(dx), I32.const(inputs), 0);
      const at = f.i32(plane.mul(outputs * 4));
      const [target, winner] = [f.i32(), f.i32()];
      f.repeat(I32.const(outputs), () => {
        winner.set(p.indices.add(at).f32().toI32());
        f.if(winner.ge(0), () => {
          target.set(dx.add(winner.shl(2)));
          f.store(target, target.f32().add(p.x.add(at).f32()));
        });
        at.set(at.add(4));
      });
    });
  });

/** The rows or columns [first, end) under an output, and the count that they give to the divisor. */
interface Range {
  readonly first: Local<I32>;
  readonly end: Local<I32>;
  readonly count: Local<I32>;
}
type RangeOf = (f: FunctionBuilder, i: I32) => Range;

export interface Averaging {
  readonly key: string;
  readonly rows: RangeOf;
  readonly columns: RangeOf;
  /** 0 for the number of counted pixels. */
  readonly divisor: number;
  readonly span: Span | null;
}

const slidingRange =
  (stride: number, padding: number, kernel: number, size: number, countPadding: boolean): RangeOf =>
  (f, i) => {
    const start = f.i32(i.mul(stride).sub(padding));
    const first = f.i32(start.max(0));
    const end = f.i32(start.add(kernel).min(size));
    const padded = start
      .add(kernel)
      .min(size + padding)
      .sub(start);
    return { first, end, count: f.i32(countPadding ? padded : end.sub(first)) };
  };

export const slidingAverage = (g: AvgPool2dGeometry): Averaging => ({
  key: `sliding ${keyOf(g)}`,
  rows: slidingRange(g.strideHeight, g.paddingHeight, g.kernelHeight, g.inHeight, g.countIncludePad),
  columns: slidingRange(g.strideWidth, g.paddingWidth, g.kernelWidth, g.inWidth, g.countIncludePad),
  divisor: g.divisorOverride,
  span: { stride: g.strideWidth, padding: g.paddingWidth, reach: g.kernelWidth - 1 },
});

const adaptiveRange =
  (outputs: number, size: number): RangeOf =>
  (f, i) => {
    const first = f.i32(i.mul(size).div(outputs));
    const end = f.i32(
      i
        .add(1)
        .mul(size)
        .add(outputs - 1)
        .div(outputs),
    );
    return { first, end, count: f.i32(end.sub(first)) };
  };

export const adaptiveAverage = (g: AdaptivePool2dGeometry): Averaging => ({
  key: `adaptive ${keyOf(g)}`,
  rows: adaptiveRange(g.outHeight, g.inHeight),
  columns: adaptiveRange(g.outWidth, g.inWidth),
  divisor: 0,
  span: null,
});

/** Visits the window of each output: calls `visit` per pixel with its byte offset, and `done` with the divisor. */
function eachWindow(
  f: FunctionBuilder,
  g: AdaptivePool2dGeometry,
  averaging: Averaging,
  oy: I32,
  ox: I32,
  before: (divisor: F32) => void,
  visit: (offset: I32) => void,
): void {
  const rows = averaging.rows(f, oy);
  const columns = averaging.columns(f, ox);
  before(averaging.divisor ? F32.const(averaging.divisor) : rows.count.mul(columns.count).toF32());
  f.for(rows.first, rows.end, (row) =>
    f.for(columns.first, columns.end, (column) => visit(row.mul(g.inWidth).add(column).shl(2))),
  );
}

export const avgPoolKernel = (g: AdaptivePool2dGeometry, averaging: Averaging) =>
  defineKernel(`avgPool ${averaging.key}`, PARAMS, (emission) => {
    const { f, p } = emission;
    const [x, out] = [f.i32(), f.i32()];
    const sum = f.v128();
    const divisor = f.f32();
    eachOutput(
      emission,
      g,
      averaging.span,
      (input, output) => {
        x.set(p.x.add(input));
        out.set(p.out.add(output));
      },
      (oy, ox, four) => {
        sum.set(0);
        eachWindow(
          f,
          g,
          averaging,
          oy,
          ox,
          (value) => divisor.set(value),
          (offset) => sum.set(sum.add(pixels(f.i32(x.add(offset)), averaging.span?.stride ?? 1, four))),
        );
        sum.set(sum.div(divisor.splat()));
        if (four) f.store(out, sum);
        else f.storeLane(out, sum, 0);
        out.set(out.add(four ? 16 : 4));
      },
    );
  });

/** Input: dy as x; out is dx. */
export const avgPoolGradKernel = (g: AdaptivePool2dGeometry, averaging: Averaging) =>
  defineKernel(`avgPoolGrad ${averaging.key}`, PARAMS, (emission) => {
    const { f, p } = emission;
    const [dx, dy, pixel] = [f.i32(), f.i32(), f.i32()];
    const share = f.f32();
    eachOutput(
      emission,
      g,
      null,
      (input, output) => {
        dx.set(p.out.add(input));
        dy.set(p.x.add(output));
        fillRun(f, f.i32(dx), I32.const(g.inHeight * g.inWidth), 0);
      },
      (oy, ox) => {
        eachWindow(
          f,
          g,
          averaging,
          oy,
          ox,
          (divisor) => share.set(dy.f32().div(divisor)),
          (offset) => {
            pixel.set(dx.add(offset));
            f.store(pixel, pixel.f32().add(share));
          },
        );
        dy.set(dy.add(4));
      },
    );
  });
