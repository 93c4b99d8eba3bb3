/**
 * Winograd's F(2x2, 3x3) for 3x3 convolutions of stride 1 (Lavin & Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015): Y = A^T [(G g G^T) * (B^T d B)] A on 4x4 tiles d of the input, 2x2 tiles Y of the output. The
 * elementwise product, summed over channels, is 16 matrix products with 2.25 times fewer multiplications.
 */
import type { FunctionBuilder } from './assembler.ts';
import type { ConvProduct } from './conv2d.ts';
import { defineKernel } from './kernel.ts';
import type { TileShape } from './micro.ts';
import type { AffineRows } from './pack.ts';
import type { OutputPlanes } from './product.ts';
import { I32, type Local, type V128 } from './values.ts';
import { keyOf, tapsOf, type Window } from './window.ts';
import {
  bothSides,
  emitPatches,
  type Grid,
  gridOf,
  inputTransform,
  PATCH_TABLE_BYTES,
  type Transform,
  tileGroup,
} from './winograd-tiles.ts';

export interface Winograd {
  readonly weights: AffineRows;
  readonly window: Window;
  readonly output: OutputPlanes;
  readonly hasBias: boolean;
  /** Tiles of a task, a multiple of 16. */
  readonly taskTiles: number;
  /** Output channels whose products are kept at a time. */
  readonly blockRows: number;
}

const POINTS = 16;
/** Fewer channels do not pay for the transforms. */
const LEAST_CHANNELS = 16;
/** Bytes of a task's transformed input. */
const INPUT_BYTES = 768 * 1024;

/** A product as a Winograd convolution, or null where it is none or would not gain by it. */
export function winogradOf(conv: ConvProduct, hasBias: boolean, shape: TileShape): Winograd | null {
  const { window, output } = conv;
  const { rows, channels } = conv.weights;
  const fits =
    tapsOf(window) === 9 &&
    window.tapsY === 3 &&
    window.strideY * window.strideX * output.strideY * output.strideX === 1 &&
    Math.abs(window.stepY) === 1 &&
    Math.abs(window.stepX) === 1;
  if (!fits || rows < LEAST_CHANNELS || channels < LEAST_CHANNELS) return null;
  const flipY = window.stepY < 0;
  const flipX = window.stepX < 0;
  const { tapY, tapX, offset } = conv.weights;
  return {
    weights: {
      ...conv.weights,
      tapY: flipY ? -tapY : tapY,
      tapX: flipX ? -tapX : tapX,
      offset: offset + (flipY ? 2 * tapY : 0) + (flipX ? 2 * tapX : 0),
    },
    window: {
      ...window,
      originY: window.originY - (flipY ? 2 : 0),
      originX: window.originX - (flipX ? 2 : 0),
    },
    output,
    hasBias,
    taskTiles: Math.min(96, Math.max(32, Math.floor(INPUT_BYTES / (POINTS * 4 * channels) / 16) * 16)),
    blockRows: Math.min(Math.ceil(rows / shape.rows), Math.ceil(64 / shape.rows)) * shape.rows,
  };
}

const rowPanels = (w: Winograd, shape: TileShape): number => Math.ceil(w.weights.rows / shape.rows);

/** Bytes of the transformed weights, and of a thread's scratch. */
export const winogradWeightBytes = (w: Winograd, shape: TileShape): number =>
  POINTS * rowPanels(w, shape) * shape.rows * w.weights.channels * 4;
const inputBytes = (w: Winograd): number => POINTS * w.weights.channels * w.taskTiles * 4;
export const winogradScratch = (w: Winograd): number =>
  PATCH_TABLE_BYTES + inputBytes(w) + POINTS * w.blockRows * w.taskTiles * 4;

const weightTransform: Transform = ([a, b, c]) => [a, a.add(b).add(c).mul(0.5), a.sub(b).add(c).mul(0.5), c];
const outputTransform: Transform = ([a, b, c, d]) => [a.add(b).add(c), b.sub(c).sub(d)];

/** Task = panel: transforms its rows of weights to `[16][panels][channels][shape.rows]`. */
export const winogradWeightsKernel = (a: AffineRows, shape: TileShape) =>
  defineKernel(`winograd weights ${keyOf(a)} / ${shape.rows}`, { x: 'i32', out: 'i32' }, ({ f, p, task }) => {
    const panels = Math.ceil(a.rows / shape.rows);
    const pointBytes = panels * a.channels * shape.rows * 4;
    const row = f.i32(task.mul(shape.rows));
    const base = f.i32(p.x.add(a.offset * 4));
    for (let first = 0; first < shape.rows; first += 4) {
      const lanes = [0, 1, 2, 3].map((l) =>
        f.i32(
          base.add(
            row
              .add(first + l)
              .min(a.rows - 1)
              .mul(a.row * 4),
          ),
        ),
      );
      const out = f.i32(p.out.add(task.mul(a.channels * shape.rows * 4)).add(first * 4));
      f.repeat(I32.const(a.channels), () => {
        const g = gridOf(3, 3, (ty, tx) => {
          const at = (ty * a.tapY + tx * a.tapX) * 4;
          return f.v128(
            lanes
              .slice(1)
              .reduce<V128>(
                (vector, lane, l) => lane.add(at).lane32(vector, l + 1),
                lanes[0].add(at).splat32(),
              ),
          );
        });
        bothSides(f, g, weightTransform)
          .flat()
          .forEach((value, point) => {
            if (first + 4 <= shape.rows) f.store(out, value, point * pointBytes);
            else {
              for (let lane = 0; first + lane < shape.rows; lane++) {
                f.storeLane(out, value, lane, point * pointBytes + lane * 4);
              }
            }
          });
        for (const lane of lanes) lane.set(lane.add(a.channel * 4));
        out.set(out.add(shape.rows * 4));
      });
    }
  });

/** Task = row task * tileTasks + tile task; a row task is `taskRows` output channels, a multiple of blockRows. */
export const winogradKernel = (w: Winograd, shape: TileShape) =>
  defineKernel(
    `winograd ${keyOf(w.weights)} / ${keyOf(w.window)} / ${keyOf(w.output)} / ${w.hasBias} ${w.taskTiles} ${w.blockRows} ${keyOf(shape)}`,
    {
      weights: 'i32',
      x: 'i32',
      bias: 'i32',
      out: 'i32',
      scratch: 'i32',
      threadBytes: 'i32',
      tiles: 'i32',
      tileTasks: 'i32',
      taskRows: 'i32',
    },
    ({ f, p, task, thread, library }) => {
      const { channels, rows } = w.weights;
      const panels = rowPanels(w, shape);
      const tilePanels = w.taskTiles / shape.columns;
      const table = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const input = f.i32(table.add(PATCH_TABLE_BYTES));
      const products = f.i32(input.add(inputBytes(w)));
      const firstTile = f.i32(task.rem(p.tileTasks).mul(w.taskTiles));
      const endTile = f.i32(firstTile.add(w.taskTiles).min(p.tiles));
      const firstRow = f.i32(task.div(p.tileTasks).mul(p.taskRows));
      const endRow = f.i32(firstRow.add(p.taskRows).min(rows));
      const local = f.i32();
      const at = f.i32();

      const panelBytes = channels * shape.columns * 4;
      f.for(
        firstTile,
        endTile,
        (tile) => {
          local.set(tile.sub(firstTile));
          at.set(input.add(local.div(shape.columns).mul(panelBytes)).add(local.rem(shape.columns).shl(2)));
          const planes = { ...w.window, patch: 4 as const };
          emitPatches(f, planes, tileGroup(f, w.output, tile, endTile), p.x, table, (load, next) =>
            f.repeat(I32.const(channels), () => {
              bothSides(f, load(), inputTransform)
                .flat()
                .forEach((value, point) => {
                  f.store(at, value, point * tilePanels * panelBytes);
                });
              at.set(at.add(shape.columns * 4));
              next();
            }),
          );
        },
        4,
      );

      const rowBytes = w.taskTiles * 4;
      const usedPanels = f.i32(
        endTile
          .sub(firstTile)
          .add(shape.columns - 1)
          .div(shape.columns),
      );
      f.for(
        firstRow,
        endRow,
        (blockRow) => {
          const blockEnd = f.i32(blockRow.add(w.blockRows).min(endRow));
          f.for(0, POINTS, (point) =>
            f.for(0, usedPanels, (panel) => {
              const b = f.i32(input.add(point.mul(tilePanels).add(panel).mul(panelBytes)));
              const a = f.i32(
                p.weights.add(
                  point
                    .mul(panels)
                    .add(blockRow.div(shape.rows))
                    .mul(channels * shape.rows * 4),
                ),
              );
              const c = f.i32(
                products.add(point.mul(w.blockRows * rowBytes)).add(panel.mul(shape.columns * 4)),
              );
              f.for(
                blockRow,
                blockEnd,
                () => {
                  f.call(library.tile, a, b, c, rowBytes, channels, 0);
                  a.set(a.add(channels * shape.rows * 4));
                  c.set(c.add(shape.rows * rowBytes));
                },
                shape.rows,
              );
            }),
          );
          f.for(
            firstTile,
            endTile,
            (tile) => {
              at.set(products.add(tile.sub(firstTile).shl(2)));
              writeOutput(f, w, tile, endTile, at, { ...p, row: blockRow, endRow: blockEnd });
            },
            4,
          );
        },
        w.blockRows,
      );
    },
  );

/** Transforms the products of four tiles back and writes their 2x2 outputs, for each output channel of a block. */
function writeOutput(
  f: FunctionBuilder,
  w: Winograd,
  tile: I32,
  tiles: I32,
  products: I32,
  p: { readonly out: I32; readonly bias: I32; readonly row: I32; readonly endRow: I32 },
): void {
  const { height, width } = w.output;
  const planeBytes = height * width * 4;
  const rowBytes = w.taskTiles * 4;
  const { lanes, oneRow } = tileGroup(f, w.output, tile, tiles);
  const places = lanes.map((lane) => ({
    y: f.i32(lane.y.mul(2)),
    x: f.i32(lane.x.mul(2)),
    at: f.i32(
      p.out
        .add(
          lane.image
            .mul(w.output.imageStride)
            .add(lane.y.mul(2 * width).add(lane.x.mul(2)))
            .shl(2),
        )
        .add(p.row.mul(planeBytes)),
    ),
  }));
  const [first] = places;
  const source = f.i32(products);
  const eachRow = (write: (outputs: Grid, offset: Local<I32>) => void) => {
    const offset = f.i32(0);
    source.set(products);
    f.for(p.row, p.endRow, (row) => {
      const m = gridOf(4, 4, (i, j) => f.v128(source.v128((i * 4 + j) * w.blockRows * rowBytes)));
      const y = bothSides(f, m, outputTransform);
      if (w.hasBias) {
        const bias = f.v128(p.bias.add(row.shl(2)).splat32());
        for (const value of y.flat()) value.set(value.add(bias));
      }
      write(y, offset);
      source.set(source.add(rowBytes));
      offset.set(offset.add(planeBytes));
    });
  };
  f.if(
    oneRow.and(first.x.add(8).le(width)).and(first.y.add(2).le(height)),
    () =>
      eachRow((y, offset) => {
        const at = f.i32(first.at.add(offset));
        y.forEach(([even, odd], line) => {
          f.store(at, even.shuffle(odd, [0, 4, 1, 5]), line * width * 4);
          f.store(at, even.shuffle(odd, [2, 6, 3, 7]), line * width * 4 + 16);
        });
      }),
    () => {
      const flags = places.map(({ y, x }) =>
        gridOf(2, 2, (i, j) => f.i32(y.add(i).below(height).and(x.add(j).below(width)))),
      );
      eachRow((y, offset) =>
        places.forEach(({ at }, lane) => {
          const target = f.i32(at.add(offset));
          gridOf(2, 2, (i, j) => {
            f.if(flags[lane][i][j], () => f.storeLane(target, y[i][j], lane, (i * width + j) * 4));
          });
        }),
      );
    },
  );
}
