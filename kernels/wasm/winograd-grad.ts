/**
 * The weight gradient of a 3x3 convolution of stride 1, by the adjoint of Winograd's F(2x2, 3x3) (see winograd.ts):
 * dG = G^T [sum over tiles of (A dY A^T) * (B^T d B)] G. The sums are 16 matrix products along the tiles.
 */
import { defineKernel, type Target } from './kernel.ts';
import type { TileShape } from './micro.ts';
import { I32, type V128 } from './values.ts';
import type { WeightGrad } from './weight-grad.ts';
import { keyOf, tapsOf } from './window.ts';
import {
  bothSides,
  emitPatches,
  gridOf,
  inputTransform,
  PATCH_TABLE_BYTES,
  type PatchedPlanes,
  type Transform,
  tileGroup,
} from './winograd-tiles.ts';

const POINTS = 16;
/** Fewer channels do not pay for the transforms; the wider the products, the more. */
const LEAST_CHANNELS = { wide: 64, narrow: 16 };
/** Tiles that are transformed at a time. */
const BLOCK = 96;

const gradTransform: Transform = ([a, b]) => [a, a.add(b), a.sub(b), b.neg()];
const weightTransform: Transform = ([a, b, c, d]) => [
  a.add(b.add(c).mul(0.5)),
  b.sub(c).mul(0.5),
  b.add(c).mul(0.5).add(d),
];

/** Whether the gradient can be had this way, and gains by it. */
export const isWinogradGrad = ({ window, rows, channels }: WeightGrad, { wide }: Target): boolean =>
  tapsOf(window) === 9 &&
  window.tapsY === 3 &&
  window.strideY * window.strideX * window.stepY * window.stepX === 1 &&
  Math.min(rows, channels) >= (wide ? LEAST_CHANNELS.wide : LEAST_CHANNELS.narrow);

const PARAMS = {
  dy: 'i32',
  x: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  tiles: 'i32',
  partTiles: 'i32',
  partOut: 'i32',
} as const;

const layout = (w: WeightGrad, shape: TileShape) => {
  const rowPanels = Math.ceil(w.taskRows / shape.rows);
  const columnPanels = Math.ceil(w.taskChannels / shape.columns);
  const dyPointBytes = rowPanels * shape.rows * BLOCK * 4;
  const xPointBytes = columnPanels * shape.columns * BLOCK * 4;
  const sumRowBytes = columnPanels * shape.columns * 4;
  const sumPointBytes = rowPanels * shape.rows * sumRowBytes;
  const total = PATCH_TABLE_BYTES + POINTS * (dyPointBytes + xPointBytes + sumPointBytes);
  return { dyPointBytes, xPointBytes, sumRowBytes, sumPointBytes, total };
};

export const winogradGradScratch = (w: WeightGrad, shape: TileShape): number => layout(w, shape).total;

/**
 * Task = (part * row blocks + row block) * channel blocks + channel block. A part is a stretch of `partTiles` tiles,
 * a multiple of 4; its result goes to out + part * partOut values.
 */
export const winogradGradKernel = (w: WeightGrad, shape: TileShape) =>
  defineKernel(
    `winogradGrad ${w.rows} ${w.channels} ${keyOf(w.window)} / ${w.rowWindow.imageStride} ${w.taskRows} ${w.taskChannels} ${keyOf(shape)}`,
    PARAMS,
    ({ f, p, task, thread, library }) => {
      const { window } = w;
      const { dyPointBytes, xPointBytes, sumRowBytes, sumPointBytes } = layout(w, shape);
      const channelBlocks = Math.ceil(w.channels / w.taskChannels);
      const rowBlocks = Math.ceil(w.rows / w.taskRows);
      const channel = f.i32(task.rem(channelBlocks).mul(w.taskChannels));
      const channels = f.i32(I32.const(w.channels).sub(channel).min(w.taskChannels));
      const rest = f.i32(task.div(channelBlocks));
      const row = f.i32(rest.rem(rowBlocks).mul(w.taskRows));
      const rows = f.i32(I32.const(w.rows).sub(row).min(w.taskRows));
      const part = f.i32(rest.div(rowBlocks));
      const table = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const dyPacked = f.i32(table.add(PATCH_TABLE_BYTES));
      const xPacked = f.i32(dyPacked.add(POINTS * dyPointBytes));
      const sums = f.i32(xPacked.add(POINTS * xPointBytes));

      const grid = { height: window.gridHeight, width: window.gridWidth };
      const dyPlanes = {
        ...grid,
        imageStride: w.rowWindow.imageStride,
        originY: 0,
        originX: 0,
        patch: 2,
      } as const;
      const xPlanes = { ...window, patch: 4 } as const;
      const dy = f.i32(p.dy.add(row.mul(grid.height * grid.width * 4)));
      const x = f.i32(p.x.add(channel.mul(window.height * window.width * 4)));
      const start = f.i32(part.mul(p.partTiles));
      const end = f.i32(start.add(p.partTiles).min(p.tiles));
      const count = f.i32();
      const place = f.i32();

      /** Packs the transformed patches of four tiles as `[16][panels][BLOCK][width]`. */
      const pack = (
        planes: PatchedPlanes,
        source: I32,
        planeCount: I32,
        transform: Transform,
        target: { at: I32; width: number; pointBytes: number },
        tile: I32,
        first: I32,
      ) => {
        const { width, pointBytes } = target;
        emitPatches(f, planes, tileGroup(f, grid, tile, end), source, table, (load, next) => {
          const panel = f.i32(target.at.add(tile.sub(first).mul(width * 4)));
          const slot = f.i32(0);
          f.repeat(planeCount, () => {
            place.set(panel.add(slot.shl(2)));
            bothSides(f, load(), transform)
              .flat()
              .forEach((value, point) => {
                for (let lane = 0; lane < 4; lane++) {
                  f.storeLane(place, value, lane, point * pointBytes + lane * width * 4);
                }
              });
            next();
            slot.set(slot.add(1));
            f.if(slot.eq(width), () => {
              slot.set(0);
              panel.set(panel.add(BLOCK * width * 4));
            });
          });
        });
      };

      f.for(
        start,
        end,
        (first) => {
          count.set(end.sub(first).min(BLOCK));
          f.for(
            first,
            first.add(count),
            (tile) => {
              const dyTarget = { at: dyPacked, width: shape.rows, pointBytes: dyPointBytes };
              pack(dyPlanes, dy, rows, gradTransform, dyTarget, tile, first);
              const xTarget = { at: xPacked, width: shape.columns, pointBytes: xPointBytes };
              pack(xPlanes, x, channels, inputTransform, xTarget, tile, first);
            },
            4,
          );
          f.for(0, POINTS, (point) => {
            const b = f.i32(xPacked.add(point.mul(xPointBytes)));
            const c = f.i32();
            const a = f.i32();
            f.for(
              0,
              channels,
              (column) => {
                a.set(dyPacked.add(point.mul(dyPointBytes)));
                c.set(sums.add(point.mul(sumPointBytes)).add(column.shl(2)));
                f.for(
                  0,
                  rows,
                  () => {
                    f.call(library.tile, a, b, c, sumRowBytes, count, first.ne(start));
                    a.set(a.add(BLOCK * shape.rows * 4));
                    c.set(c.add(shape.rows * sumRowBytes));
                  },
                  shape.rows,
                );
                b.set(b.add(BLOCK * shape.columns * 4));
              },
              shape.columns,
            );
          });
        },
        BLOCK,
      );

      f.for(0, rows, (i) => {
        const from = f.i32(sums.add(i.mul(sumRowBytes)));
        const outRow = row.add(i).mul(w.channels).add(channel).mul(9);
        const to = f.i32(p.out.add(part.mul(p.partOut).add(outRow).shl(2)));
        const write = (load: (at: number) => V128, lanes: number) => {
          const m = gridOf(4, 4, (u, v) => f.v128(load((u * 4 + v) * sumPointBytes)));
          bothSides(f, m, weightTransform)
            .flat()
            .forEach((value, tap) => {
              for (let lane = 0; lane < lanes; lane++) f.storeLane(to, value, lane, (lane * 9 + tap) * 4);
            });
          from.set(from.add(4 * lanes));
          to.set(to.add(36 * lanes));
        };
        const left = f.i32(channels);
        f.while(left.ge(4), () => {
          write((at) => from.v128(at), 4);
          left.set(left.sub(4));
        });
        f.while(left.gt(0), () => {
          write((at) => from.splat32(at), 1);
          left.set(left.sub(1));
        });
      });
    },
  );
