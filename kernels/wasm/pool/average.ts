import type { AdaptivePool2dGeometry, AvgPool2dGeometry } from '../../primitives.ts';
import type { FunctionBuilder } from '../emit/assembler.ts';
import { defineKernel } from '../emit/kernel.ts';
import { fillRun } from '../emit/loops.ts';
import { F32, I32, type Local } from '../emit/values.ts';
import { eachOutput, keyOf, PARAMS, pixels, type Span } from './planes.ts';

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
  /** What every sum is divided by; 0 stands for the number of counted pixels. */
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
  defineKernel(`avgPool ${averaging.key}`, PARAMS, (context) => {
    const { f, p } = context;
    const [x, out] = [f.i32(), f.i32()];
    const sum = f.v128();
    const divisor = f.f32();
    eachOutput(
      context,
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

/** The gradient: x is dy, out is dx. */
export const avgPoolGradKernel = (g: AdaptivePool2dGeometry, averaging: Averaging) =>
  defineKernel(`avgPoolGrad ${averaging.key}`, PARAMS, (context) => {
    const { f, p } = context;
    const [dx, dy, pixel] = [f.i32(), f.i32(), f.i32()];
    const quotient = f.f32();
    eachOutput(
      context,
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
          (divisor) => quotient.set(dy.f32().div(divisor)),
          (offset) => {
            pixel.set(dx.add(offset));
            f.store(pixel, pixel.f32().add(quotient));
          },
        );
        dy.set(dy.add(4));
      },
    );
  });
