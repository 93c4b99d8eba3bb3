/**
 * The weight gradient of a 3x3 convolution of stride 1, by the adjoint of Winograd's F(4x4, 3x3) (see
 * transforms.ts): dg = G^T [sum over tiles of (A dY A^T) * (B^T d B)] G. The sums are 36 matrix products
 * along the tiles.
 */

import type { WeightGrad } from '../conv2d/weight-grad.ts';
import { defineKernel } from '../emit/kernel.ts';
import { fillRun } from '../emit/loops.ts';
import { transpose } from '../emit/transpose.ts';
import { I32, type V128 } from '../emit/values.ts';
import { keyOf, tapsOf } from '../gemm/im2col-view.ts';
import type { TileShape } from '../gemm/micro-kernel.ts';
import { type Panels, panelsOf, storeInPanels } from '../gemm/panels.ts';
import {
  emitColumns,
  emitLines,
  stripBytes,
  stripWidth,
  type TiledPlanes,
  tilesAlong,
  zerosBytes,
} from './tiles.ts';
import {
  ALPHA,
  ALPHA_SQUARED,
  inputTransform,
  outputGradTransform,
  TILE,
  type Transform,
  transform2d,
  weightGradTransform,
} from './transforms.ts';

/** Fewer channels do not pay for the transforms. */
const LEAST_CHANNELS = 16;
/** Tiles that are transformed at a time, about. */
const BLOCK = 96;

/** Whether the gradient can be computed this way, and is faster so. */
export const isWinogradGrad = ({ view, rows, channels }: WeightGrad): boolean =>
  tapsOf(view) === 9 &&
  view.tapsY === 3 &&
  view.strideY * view.strideX * view.dilationY * view.dilationX === 1 &&
  Math.min(rows, channels) >= LEAST_CHANNELS &&
  ALPHA_SQUARED * tilesAlong(view.gridHeight) * tilesAlong(view.gridWidth) <
    9 * view.gridHeight * view.gridWidth;

const PARAMS = {
  dy: 'i32',
  x: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  tileRows: 'i32',
  partitionTileRows: 'i32',
  partitionOut: 'i32',
} as const;

/** One operand: its planes, the second half of its transform, and how its rows are packed. */
interface Side extends Panels {
  readonly planes: TiledPlanes;
  readonly transform: Transform;
  /** Bytes of all panels of a point. */
  readonly pointBytes: number;
}

const layoutOf = (w: WeightGrad, shape: TileShape) => {
  const { view } = w;
  const [tileRows, tileColumns] = [tilesAlong(view.gridHeight), tilesAlong(view.gridWidth)];
  const blockTileRows = Math.max(1, Math.floor(BLOCK / tileColumns));
  const side = (planes: TiledPlanes, transform: Transform, channels: number, width: number): Side => {
    const panelBytes = blockTileRows * tileColumns * width * 4;
    return { planes, transform, width, panelBytes, pointBytes: panelsOf(channels, width) * panelBytes };
  };
  const dyPlanes: TiledPlanes = {
    height: view.gridHeight,
    width: view.gridWidth,
    imageStride: w.rowView.imageStride,
    originY: 0,
    originX: 0,
    lines: TILE,
    tileRows,
    tileColumns,
  };
  const { height, width, imageStride, originY, originX } = view;
  const xPlanes: TiledPlanes = {
    height,
    width,
    imageStride,
    originY,
    originX,
    lines: ALPHA,
    tileRows,
    tileColumns,
  };
  const dy = side(dyPlanes, outputGradTransform, w.taskRows, shape.rows);
  const x = side(xPlanes, inputTransform, w.taskChannels, shape.columns);
  const sumRowBytes = Math.ceil(w.taskChannels / shape.columns) * shape.columns * 4;
  const sumPointBytes = Math.ceil(w.taskRows / shape.rows) * shape.rows * sumRowBytes;
  const parts = {
    zeros: Math.max(zerosBytes(dyPlanes), zerosBytes(xPlanes)),
    dyStrips: 4 * stripBytes(dyPlanes),
    xStrips: 4 * stripBytes(xPlanes),
    dy: ALPHA_SQUARED * dy.pointBytes,
    x: ALPHA_SQUARED * x.pointBytes,
    sums: ALPHA_SQUARED * sumPointBytes,
  };
  return { dy, x, tileColumns, blockTileRows, sumRowBytes, sumPointBytes, parts };
};

export const winogradGradScratch = (w: WeightGrad, shape: TileShape): number =>
  Object.values(layoutOf(w, shape).parts).reduce((sum, bytes) => sum + bytes, 0);

/**
 * Task = (partition * row blocks + row block) * channel blocks + channel block. A partition is a stretch of `partitionTileRows` rows of
 * tiles, counted over all images; its result goes to out + partition * partitionOut values.
 */
export const winogradGradKernel = (w: WeightGrad, shape: TileShape) =>
  defineKernel(
    `winogradGrad ${w.rows} ${w.channels} ${keyOf(w.view)} / ${w.rowView.imageStride} ${w.taskRows} ${w.taskChannels} ${keyOf(shape)}`,
    PARAMS,
    ({ f, p, task, thread, imports, target }) => {
      const layout = layoutOf(w, shape);
      const { tileColumns, blockTileRows, sumRowBytes, sumPointBytes, parts } = layout;
      const channelBlocks = Math.ceil(w.channels / w.taskChannels);
      const rowBlocks = Math.ceil(w.rows / w.taskRows);
      const channel = f.i32(task.rem(channelBlocks).mul(w.taskChannels));
      const channels = f.i32(I32.const(w.channels).sub(channel).min(w.taskChannels));
      const rest = f.i32(task.div(channelBlocks));
      const row = f.i32(rest.rem(rowBlocks).mul(w.taskRows));
      const rows = f.i32(I32.const(w.rows).sub(row).min(w.taskRows));
      const partition = f.i32(rest.div(rowBlocks));
      const zeros = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const dyStrips = f.i32(zeros.add(parts.zeros));
      const xStrips = f.i32(dyStrips.add(parts.dyStrips));
      const dyPacked = f.i32(xStrips.add(parts.xStrips));
      const xPacked = f.i32(dyPacked.add(parts.dy));
      const sums = f.i32(xPacked.add(parts.x));
      const { view } = w;
      const dy = f.i32(p.dy.add(row.mul(view.gridHeight * view.gridWidth * 4)));
      const x = f.i32(p.x.add(channel.mul(view.height * view.width * 4)));

      /** Packs the transforms of a row of tiles as `[36][panels][tiles of the block][width]`. */
      const pack = (
        side: Side,
        operand: { source: I32; count: I32; strips: I32; packed: I32 },
        tileRow: I32,
        tile: I32,
      ) => {
        const { planes, transform, width, pointBytes } = side;
        const { source, count, strips } = operand;
        const addresses = Array.from({ length: planes.lines }, () => f.i32());
        const masks = addresses.map(() => f.i32());
        emitLines(f, planes, tileRow, source, zeros, (line, address, mask) => {
          addresses[line].set(address);
          masks[line].set(mask);
        });
        const start = f.i32(operand.packed.add(tile.mul(width * 4)));
        f.for(
          0,
          count,
          (first) => {
            const strip = f.i32(strips);
            f.for(0, 4, (slot) => {
              const plane = f.i32(
                first
                  .add(slot)
                  .min(count.sub(1))
                  .mul(planes.height * planes.width * 4),
              );
              const lines = addresses.map((address, line) => f.i32(address.add(masks[line].and(plane))));
              emitColumns(f, planes, lines, strip, transform, target.fused);
              strip.set(strip.add(stripBytes(planes)));
            });
            const store = storeInPanels(f, side, start, first);
            const from = f.i32(strips);
            const offset = f.i32(0);
            f.repeat(I32.const(ALPHA), () => {
              const address = f.i32(from);
              const load = (ahead: number) =>
                transpose(
                  f,
                  [0, 1, 2, 3].map((slot) => f.v128(address.v128(slot * stripBytes(planes) + ahead))),
                );
              const ahead = planes.lines === ALPHA;
              const columns = ahead ? load(0) : [];
              const step = f.i32(offset);
              f.repeat(I32.const(tileColumns), () => {
                const next = load(ahead ? 16 : 0);
                const tileValues = [...columns, ...next].slice(0, planes.lines);
                store(step, transform(f, tileValues, target.fused), (v) => v * pointBytes);
                columns.forEach((column, i) => {
                  column.set(next[i]);
                });
                address.set(address.add(16));
                step.set(step.add(width * 4));
              });
              from.set(from.add(stripWidth(planes) * 4));
              offset.set(offset.add(ALPHA * pointBytes));
            });
          },
          4,
        );
      };

      fillRun(f, f.i32(zeros), I32.const((parts.zeros + parts.dyStrips + parts.xStrips) / 4), 0);
      const start = f.i32(partition.mul(p.partitionTileRows));
      const end = f.i32(start.add(p.partitionTileRows).min(p.tileRows));
      f.for(
        start,
        end,
        (first) => {
          const blockEnd = f.i32(first.add(blockTileRows).min(end));
          const tile = f.i32(0);
          f.for(first, blockEnd, (tileRow) => {
            pack(layout.dy, { source: dy, count: rows, strips: dyStrips, packed: dyPacked }, tileRow, tile);
            pack(layout.x, { source: x, count: channels, strips: xStrips, packed: xPacked }, tileRow, tile);
            tile.set(tile.add(tileColumns));
          });
          f.for(0, ALPHA_SQUARED, (point) => {
            const b = f.i32(xPacked.add(point.mul(layout.x.pointBytes)));
            const [a, c] = [f.i32(), f.i32()];
            f.for(
              0,
              channels,
              (column) => {
                a.set(dyPacked.add(point.mul(layout.dy.pointBytes)));
                c.set(sums.add(point.mul(sumPointBytes)).add(column.shl(2)));
                f.for(
                  0,
                  rows,
                  () => {
                    f.call(imports.tile, a, b, c, sumRowBytes, tile, first.ne(start));
                    a.set(a.add(layout.dy.panelBytes));
                    c.set(c.add(shape.rows * sumRowBytes));
                  },
                  shape.rows,
                );
                b.set(b.add(layout.x.panelBytes));
              },
              shape.columns,
            );
          });
        },
        blockTileRows,
      );

      f.for(0, rows, (i) => {
        const from = f.i32(sums.add(i.mul(sumRowBytes)));
        const outRow = row.add(i).mul(w.channels).add(channel).mul(9);
        const to = f.i32(p.out.add(partition.mul(p.partitionOut).add(outRow).shl(2)));
        const write = (load: (offset: number) => V128, lanes: number) => {
          const m = Array.from({ length: ALPHA }, (_, u) =>
            Array.from({ length: ALPHA }, (_, v) => f.v128(load((u * ALPHA + v) * sumPointBytes))),
          );
          transform2d(f, m, weightGradTransform, target.fused)
            .flat()
            .forEach((value, tap) => {
              for (let lane = 0; lane < lanes; lane++) f.storeLane(to, value, lane, (lane * 9 + tap) * 4);
            });
          from.set(from.add(4 * lanes));
          to.set(to.add(36 * lanes));
        };
        const left = f.i32(channels);
        f.while(left.ge(4), () => {
          write((offset) => from.v128(offset), 4);
          left.set(left.sub(4));
        });
        f.while(left.gt(0), () => {
          write((offset) => from.splat32(offset), 1);
          left.set(left.sub(1));
        });
      });
    },
  );
