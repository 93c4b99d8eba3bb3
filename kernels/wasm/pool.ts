/** Pooling, one plane (image, channel) at a time; geometry but the number of planes is compiled in. */
import type {
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  MaxPool2dGeometry,
} from '../../lib/devices/device.ts';
import type { FunctionBuilder } from './assembler.ts';
import { defineKernel, type Emission } from './kernel.ts';
import { fillRun } from './loops.ts';
import { F32, I32, type Local } from './values.ts';

const PARAMS = { x: 'i32', out: 'i32', indices: 'i32', planes: 'i32', units: 'i32' } as const;
type PoolEmission = Emission<typeof PARAMS>;

const keyOf = (geometry: AdaptivePool2dGeometry): string =>
  Object.entries({ ...geometry, batch: 0, channels: 0 })
    .map(([name, value]) => `${name}=${Number(value)}`)
    .join(' ');

/** Visits a task's planes with the places of their input and output, and each output with its row and column. */
function eachOutput(
  { f, p, task }: PoolEmission,
  g: AdaptivePool2dGeometry,
  eachPlane: (input: I32, output: I32) => void,
  visit: (oy: I32, ox: I32) => void,
): void {
  const start = f.i32(task.mul(p.units));
  f.for(start, start.add(p.units).min(p.planes), (plane) => {
    eachPlane(f.i32(plane.mul(g.inHeight * g.inWidth * 4)), f.i32(plane.mul(g.outHeight * g.outWidth * 4)));
    f.for(0, g.outHeight, (oy) => f.for(0, g.outWidth, (ox) => visit(oy, ox)));
  });
}

/**
 * Input: x; outputs: out and the winners' places, indices. The first of equals wins, a NaN beats all. A window whose
 * dilation steps over every pixel has no winner: -Infinity, as PyTorch's, at place -1, which gets no gradient.
 */
export const maxPoolKernel = (g: MaxPool2dGeometry) =>
  defineKernel(`maxPool ${keyOf(g)}`, PARAMS, (emission) => {
    const { f, p } = emission;
    const [x, out, indices, winner, row, column, place] = Array.from({ length: 7 }, () => f.i32());
    const [best, value] = [f.f32(), f.f32()];
    eachOutput(
      emission,
      g,
      (input, output) => {
        x.set(p.x.add(input));
        out.set(p.out.add(output));
        indices.set(p.indices.add(output));
      },
      (oy, ox) => {
        winner.set(-1);
        best.set(-Infinity);
        f.for(0, g.kernelHeight, (ky) => {
          row.set(oy.mul(g.strideHeight).sub(g.paddingHeight).add(ky.mul(g.dilationHeight)));
          f.if(row.below(g.inHeight), () => {
            f.for(0, g.kernelWidth, (kx) => {
              column.set(ox.mul(g.strideWidth).sub(g.paddingWidth).add(kx.mul(g.dilationWidth)));
              f.if(column.below(g.inWidth), () => {
                place.set(row.mul(g.inWidth).add(column));
                value.set(x.add(place.shl(2)).f32());
                const wins = value.gt(best).or(value.ne(value).and(best.eq(best)));
                f.if(winner.lt(0).or(wins), () => {
                  best.set(value);
                  winner.set(place);
                });
              });
            });
          });
        });
        f.store(out, best);
        f.store(indices, winner.toF32());
        out.set(out.add(4));
        indices.set(indices.add(4));
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

interface Averaging {
  readonly key: string;
  readonly rows: RangeOf;
  readonly columns: RangeOf;
  /** 0 for the number of counted pixels. */
  readonly divisor: number;
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
    const [sum, divisor] = [f.f32(), f.f32()];
    eachOutput(
      emission,
      g,
      (input, output) => {
        x.set(p.x.add(input));
        out.set(p.out.add(output));
      },
      (oy, ox) => {
        sum.set(0);
        eachWindow(
          f,
          g,
          averaging,
          oy,
          ox,
          (value) => divisor.set(value),
          (offset) => sum.set(sum.add(x.add(offset).f32())),
        );
        f.store(out, sum.div(divisor));
        out.set(out.add(4));
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
