/** Bringing the operands of a matrix product into the packed order of the micro-kernels. */
import type { FunctionBuilder } from '../emit/assembler.ts';
import { defineKernel } from '../emit/kernel.ts';
import { transpose } from '../emit/transpose.ts';
import { I32, type V128 } from '../emit/values.ts';
import { emitViewGroup, type Im2colView, keyOf, tapsOf } from './im2col-view.ts';
import type { TileShape } from './micro-kernel.ts';

/** A's value (m, c, ty, tx) is at m * row + c * channel + ty * tapY + tx * tapX + offset, in values. */
export interface StridedMatrix {
  readonly rows: number;
  readonly channels: number;
  readonly tapsY: number;
  readonly tapsX: number;
  readonly row: number;
  readonly channel: number;
  readonly tapY: number;
  readonly tapX: number;
  readonly offset: number;
}

/** Packs A as `[panels][k][shape.rows]`; task = group * panels + panel, and groups are `groupStride` values apart. */
export const packRowsKernel = (a: StridedMatrix, shape: TileShape) =>
  defineKernel(
    `packRows ${keyOf(a)} / ${shape.rows}`,
    { x: 'i32', out: 'i32', groupStride: 'i32' },
    ({ f, p, task }) => {
      const panels = Math.ceil(a.rows / shape.rows);
      const depth = a.channels * a.tapsY * a.tapsX;
      const group = f.i32(p.x.add(task.div(panels).mul(p.groupStride).add(a.offset).shl(2)));
      const row = f.i32(task.rem(panels).mul(shape.rows));
      const rows = Array.from({ length: shape.rows }, (_, r) =>
        f.i32(
          group.add(
            row
              .add(r)
              .min(a.rows - 1)
              .mul(a.row * 4),
          ),
        ),
      );
      const out = f.i32(p.out.add(task.mul(depth * shape.rows * 4)));
      const [channelOffset, rowOffset, offset] = [f.i32(0), f.i32(), f.i32()];
      f.repeat(I32.const(a.channels), () => {
        rowOffset.set(channelOffset);
        f.repeat(I32.const(a.tapsY), () => {
          offset.set(rowOffset);
          f.repeat(I32.const(a.tapsX), () => {
            rows.forEach((pointer, r) => {
              f.store(out, pointer.add(offset).f32(), r * 4);
            });
            out.set(out.add(shape.rows * 4));
            offset.set(offset.add(a.tapX * 4));
          });
          rowOffset.set(rowOffset.add(a.tapY * 4));
        });
        channelOffset.set(channelOffset.add(a.channel * 4));
      });
    },
  );

/** A panel `[channels * taps][shape.columns]` of the view's columns. */
export function packView(
  f: FunctionBuilder,
  view: Im2colView,
  shape: TileShape,
  plane: I32,
  column: I32,
  columns: I32,
  channels: I32,
  panel: I32,
): void {
  const rowBytes = shape.columns * 4;
  const out = f.i32();
  const left = f.i32();
  f.for(
    0,
    shape.columns,
    (quad) => {
      const firstColumn = f.i32(column.add(quad));
      emitViewGroup(f, view, plane, firstColumn, columns, (tap, load, next) => {
        out.set(panel.add(tap.mul(rowBytes)).add(quad.shl(2)));
        left.set(channels);
        f.while(left.gt(0), () => {
          f.store(out, load());
          next();
          out.set(out.add(tapsOf(view) * rowBytes));
          left.set(left.sub(1));
        });
      });
    },
    4,
  );
}

/** A panel `[count][shape.columns]` of B stored as `[columns, depth]`, from k = `first` on. */
export function packTransposed(
  f: FunctionBuilder,
  shape: TileShape,
  depth: number,
  b: I32,
  column: I32,
  columns: I32,
  first: I32,
  count: I32,
  panel: I32,
): void {
  const rowBytes = shape.columns * 4;
  const [out, left] = [f.i32(), f.i32()];
  f.for(
    0,
    shape.columns,
    (quad) => {
      const rows = [0, 1, 2, 3].map((l) => {
        const row = column.add(quad).add(l).min(columns.sub(1));
        return f.i32(b.add(row.mul(depth).add(first).shl(2)));
      });
      out.set(panel.add(quad.shl(2)));
      left.set(count);
      const advance = (count: number) => {
        for (const row of rows) row.set(row.add(count * 4));
        out.set(out.add(count * rowBytes));
        left.set(left.sub(count));
      };
      f.while(left.ge(4), () => {
        const vectors = rows.map((row) => f.v128(row.v128()));
        transpose(f, vectors).forEach((vector, i) => {
          f.store(out, vector, i * rowBytes);
        });
        advance(4);
      });
      f.while(left.gt(0), () => {
        const gathered = rows
          .slice(1)
          .reduce<V128>((vector, row, l) => row.lane32(vector, l + 1), rows[0].splat32());
        f.store(out, gathered);
        advance(1);
      });
    },
    4,
  );
}
