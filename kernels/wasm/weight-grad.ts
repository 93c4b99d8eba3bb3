/**
 * The weight gradient of a convolution: dW[o, c, tap] = sum over images and positions of dy[o, position] x[c, tap of
 * position]. Both operands run along the positions, so the inner-product micro-kernel sums them without a transpose.
 */
import type { FunctionBuilder } from './assembler.ts';
import { defineKernel } from './kernel.ts';
import type { TileShape } from './micro.ts';
import { I32, type Local } from './values.ts';
import { emitWindowGroup, keyOf, tapsOf, type Window } from './window.ts';

export interface WeightGrad {
  /** Output channels and input channels of a group. */
  readonly rows: number;
  readonly channels: number;
  /** How dy and x are read. */
  readonly rowWindow: Window;
  readonly window: Window;
  /** Output and input channels of one task, and the positions that it packs at a time. */
  readonly taskRows: number;
  readonly taskChannels: number;
  readonly block: number;
}

const PARAMS = {
  dy: 'i32',
  x: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  columns: 'i32',
  partColumns: 'i32',
  partOut: 'i32',
  groups: 'i32',
  groupDy: 'i32',
  groupX: 'i32',
} as const;

const ceilTo = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

const layout = (w: WeightGrad, shape: TileShape) => {
  const tileBytes = ceilTo(shape.dotRows * shape.dotColumns * shape.dotLanes * 4, 64);
  const rowBytes = w.block * 4;
  const aBytes = ceilTo(w.taskRows, shape.dotRows) * rowBytes;
  const paddedChannels = ceilTo(w.taskChannels, shape.dotColumns);
  return {
    tileBytes,
    aBytes,
    paddedChannels,
    total: tileBytes + aBytes + paddedChannels * tapsOf(w.window) * rowBytes,
  };
};

export const weightGradScratch = (w: WeightGrad, shape: TileShape): number => layout(w, shape).total;
export const weightGradTasks = (w: WeightGrad): number =>
  Math.ceil(w.rows / w.taskRows) * Math.ceil(w.channels / w.taskChannels);

/**
 * Task = ((part * groups + group) * row blocks + row block) * channel blocks + channel block. A part is a stretch of
 * `partColumns` positions; its result goes to out + part * partOut values. Group strides are in values.
 */
export const weightGradKernel = (w: WeightGrad, shape: TileShape) =>
  defineKernel(
    `weightGrad ${w.rows} ${w.channels} ${keyOf(w.rowWindow)} / ${keyOf(w.window)} / ${w.taskRows} ${w.taskChannels} ${w.block} ${keyOf(shape)}`,
    PARAMS,
    ({ f, p, task, thread, library }) => {
      const taps = tapsOf(w.window);
      const { dotRows, dotColumns, dotLanes } = shape;
      const { tileBytes, aBytes, paddedChannels } = layout(w, shape);
      const channelBlocks = Math.ceil(w.channels / w.taskChannels);
      const rowBlocks = Math.ceil(w.rows / w.taskRows);
      const channel = f.i32(task.rem(channelBlocks).mul(w.taskChannels));
      const channels = f.i32(I32.const(w.channels).sub(channel).min(w.taskChannels));
      const rest = f.i32(task.div(channelBlocks));
      const row = f.i32(rest.rem(rowBlocks).mul(w.taskRows));
      const rows = f.i32(I32.const(w.rows).sub(row).min(w.taskRows));
      rest.set(rest.div(rowBlocks));
      const group = f.i32(rest.rem(p.groups));
      const part = f.i32(rest.div(p.groups));
      const dyAt = group.mul(p.groupDy).add(row.mul(w.rowWindow.height * w.rowWindow.width));
      const dy = f.i32(p.dy.add(dyAt.shl(2)));
      const xAt = group.mul(p.groupX).add(channel.mul(w.window.height * w.window.width));
      const x = f.i32(p.x.add(xAt.shl(2)));
      const groupOut = group.mul(w.rows).add(row).mul(w.channels).add(channel).mul(taps);
      const out = f.i32(p.out.add(part.mul(p.partOut).add(groupOut).shl(2)));
      const tile = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const packedA = f.i32(tile.add(tileBytes));
      const packedB = f.i32(packedA.add(aBytes));
      const [steps, panelA, panelB, m, base, at] = Array.from({ length: 6 }, () => f.i32());
      const fresh = f.i32();

      const start = f.i32(part.mul(p.partColumns));
      const end = f.i32(start.add(p.partColumns).min(p.columns));
      f.for(
        start,
        end,
        (first) => {
          const blockEnd = f.i32(first.add(w.block).min(end));
          fresh.set(first.eq(start));
          steps.set(
            blockEnd
              .sub(first)
              .add(dotLanes - 1)
              .div(dotLanes),
          );
          const pack = (
            window: Window,
            source: I32,
            count: I32,
            target: I32,
            width: number,
            padded: number,
          ) =>
            f.for(0, steps.mul(dotLanes / 4), (quad) => {
              const column = f.i32(first.add(quad.mul(4)));
              const quads = dotLanes / 4;
              const place = f.i32(
                target.add(quad.div(quads).mul(width * dotLanes * 4)).add(quad.rem(quads).mul(16)),
              );
              packQuad(
                f,
                { window, source, count, place, width, padded, steps, lanes: dotLanes },
                column,
                blockEnd,
              );
            });
          pack(w.rowWindow, dy, rows, packedA, dotRows, ceilTo(w.taskRows, dotRows));
          pack(w.window, x, channels, packedB, dotColumns, paddedChannels);

          panelB.set(packedB);
          f.for(0, taps, (tap) =>
            f.for(
              0,
              paddedChannels,
              (c) => {
                panelA.set(packedA);
                m.set(0);
                f.while(m.lt(rows).and(c.lt(channels)), () => {
                  f.call(library.dot, panelA, panelB, tile, steps);
                  base.set(out.add(m.mul(w.channels).add(c).mul(taps).add(tap).shl(2)));
                  for (let i = 0; i < dotRows; i++) {
                    for (let j = 0; j < dotColumns; j++) {
                      f.if(m.add(i).lt(rows).and(c.add(j).lt(channels)), () => {
                        at.set(base.add((i * w.channels + j) * taps * 4));
                        const sum = tile.f32((i * dotColumns + j) * 4);
                        f.store(at, fresh.select(sum, at.f32().add(sum)));
                      });
                    }
                  }
                  m.set(m.add(dotRows));
                  panelA.set(panelA.add(steps.mul(dotRows * dotLanes * 4)));
                });
                panelB.set(panelB.add(steps.mul(dotColumns * dotLanes * 4)));
              },
              dotColumns,
            ),
          );
        },
        w.block,
      );
    },
  );

interface PackedRows {
  readonly window: Window;
  readonly source: I32;
  /** Planes to read. */
  readonly count: I32;
  /** Where the first panel keeps these positions. */
  readonly place: I32;
  /** Rows of a panel, and of all the panels of a tap. */
  readonly width: number;
  readonly padded: number;
  readonly steps: I32;
  readonly lanes: number;
}

/** Packs four positions of every plane and tap: row r = tap * padded + plane, as `[r / width][step][r % width][lanes]`. */
function packQuad(f: FunctionBuilder, rows: PackedRows, column: Local<I32>, columns: I32): void {
  const panelBytes = f.i32(rows.steps.mul(rows.width * rows.lanes * 4));
  const [out, left] = [f.i32(), f.i32()];
  emitWindowGroup(f, rows.window, rows.source, column, columns, (tap, load, next) => {
    out.set(rows.place.add(tap.mul(rows.padded / rows.width).mul(panelBytes)));
    left.set(rows.count);
    f.while(left.ge(rows.width), () => {
      for (let slot = 0; slot < rows.width; slot++) {
        f.store(out, load(), slot * rows.lanes * 4);
        next();
      }
      out.set(out.add(panelBytes));
      left.set(left.sub(rows.width));
    });
    f.while(left.gt(0), () => {
      f.store(out, load());
      next();
      out.set(out.add(rows.lanes * 4));
      left.set(left.sub(1));
    });
  });
}
