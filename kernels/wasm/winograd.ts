/**
 * Winograd's F(2x2, 3x3) for 3x3 convolutions of stride 1 (Lavin & Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015): Y = A^T [(G g G^T) * (B^T d B)] A on 4x4 tiles d of the input, 2x2 tiles Y of the output. The
 * elementwise product, summed over channels, is 16 matrix products with 2.25 times fewer multiplications.
 */
import type { FunctionBuilder } from './assembler.ts';
import type { ConvProduct } from './conv2d.ts';
import { defineKernel } from './kernel.ts';
import type { TileShape } from './micro.ts';
import type { AffineRows, OutputPlanes } from './product.ts';
import { I32, type Local, type V128 } from './values.ts';
import { keyOf, NOWHERE, tapsOf, type Window } from './window.ts';

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

export const winogradTiles = (w: Winograd): number =>
  Math.ceil(w.output.height / 2) * Math.ceil(w.output.width / 2);

const rowPanels = (w: Winograd, shape: TileShape): number => Math.ceil(w.weights.rows / shape.rows);

/** Bytes of the transformed weights, and of a thread's scratch. */
export const winogradWeightBytes = (w: Winograd, shape: TileShape): number =>
  POINTS * rowPanels(w, shape) * shape.rows * w.weights.channels * 4;
const TABLE_BYTES = POINTS * 32;
const inputBytes = (w: Winograd): number => POINTS * w.weights.channels * w.taskTiles * 4;
export const winogradScratch = (w: Winograd): number =>
  TABLE_BYTES + inputBytes(w) + POINTS * w.blockRows * w.taskTiles * 4;

type Grid = readonly (readonly V128[])[];
type Transform = (values: readonly V128[]) => V128[];

/** M X M^T for the matrix M that `transform` multiplies a vector by. */
function bothSides(f: FunctionBuilder, x: Grid, transform: Transform): Local<V128>[][] {
  const apply = (grid: Grid) => grid.map((row) => transform(row).map((value) => f.v128(value)));
  const flip = (grid: Grid) => grid[0].map((_, j) => grid.map((row) => row[j]));
  return flip(apply(flip(apply(x)))) as Local<V128>[][];
}

const inputTransform: Transform = ([a, b, c, d]) => [a.sub(c), b.add(c), c.sub(b), b.sub(d)];
const weightTransform: Transform = ([a, b, c]) => [a, a.add(b).add(c).mul(0.5), a.sub(b).add(c).mul(0.5), c];
const outputTransform: Transform = ([a, b, c, d]) => [a.add(b).add(c), b.sub(c).sub(d)];

const gridOf = <T>(rows: number, columns: number, make: (row: number, column: number) => T): T[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => make(row, column)));

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

/** Where four neighbouring tiles stand. */
interface TileGroup {
  readonly lanes: readonly { readonly image: Local<I32>; readonly y: Local<I32>; readonly x: Local<I32> }[];
  /** All four exist, in one row of one image. */
  readonly oneRow: Local<I32>;
}

/** The image and tile coordinates of tiles `tile` to tile + 3; those from `tiles` on get the row NOWHERE. */
function tileGroup(f: FunctionBuilder, w: Winograd, tile: I32, tiles: I32): TileGroup {
  const across = Math.ceil(w.output.width / 2);
  const perImage = winogradTiles(w);
  const place = f.i32(tile.rem(perImage));
  const image = f.i32(tile.div(perImage));
  const y = f.i32(place.div(across));
  const x = f.i32(place.rem(across));
  const oneRow = f.i32(x.add(4).le(across).and(tile.add(4).le(tiles)));
  const lanes = [0, 1, 2, 3].map((l) => {
    const lane = {
      image: f.i32(image),
      y: f.i32(tile.add(l).lt(tiles).select(y, I32.const(NOWHERE))),
      x: f.i32(x),
    };
    x.set(x.add(1));
    f.if(x.eq(across), () => {
      x.set(0);
      y.set(y.add(1));
      f.if(y.eq(perImage / across), () => {
        y.set(0);
        image.set(image.add(1));
      });
    });
    return lane;
  });
  return { lanes, oneRow };
}

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
      const input = f.i32(table.add(TABLE_BYTES));
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
          transformInput(f, w, p.x, tile, endTile, table, at, {
            rowBytes: shape.columns * 4,
            pointBytes: tilePanels * panelBytes,
          });
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

/** Transforms the 4x4 inputs of four tiles, channel by channel, to target + point * pointBytes + channel * rowBytes. */
function transformInput(
  f: FunctionBuilder,
  { window, weights, ...rest }: Winograd,
  source: I32,
  tile: I32,
  tiles: I32,
  table: I32,
  target: I32,
  layout: { rowBytes: number; pointBytes: number },
): void {
  const { lanes, oneRow } = tileGroup(f, { window, weights, ...rest }, tile, tiles);
  const planeBytes = window.height * window.width * 4;
  const lineBytes = window.width * 4;
  const out = f.i32(target);
  const eachChannel = (load: (offset: Local<I32>) => Grid) => {
    const offset = f.i32(0);
    f.repeat(I32.const(weights.channels), () => {
      bothSides(f, load(offset), inputTransform)
        .flat()
        .forEach((value, point) => {
          f.store(out, value, point * layout.pointBytes);
        });
      out.set(out.add(layout.rowBytes));
      offset.set(offset.add(planeBytes));
    });
  };
  const corners = lanes.map((lane) => ({
    base: f.i32(source.add(lane.image.mul(window.imageStride * 4))),
    y: f.i32(lane.y.mul(2).add(window.originY)),
    x: f.i32(lane.x.mul(2).add(window.originX)),
  }));
  const [{ base, y, x }] = corners;
  const inside = y.ge(0).and(y.add(4).le(window.height)).and(x.ge(0)).and(x.add(10).le(window.width));
  f.if(
    oneRow.and(inside),
    () => {
      const corner = f.i32(base.add(y.mul(window.width).add(x).shl(2)));
      eachChannel((offset) => {
        const first = f.i32(corner.add(offset));
        return [0, 1, 2, 3].map((line) => {
          const [a, b, c, d] = [0, 16, 8, 24].map((place) => f.v128(first.v128(line * lineBytes + place)));
          const even = (u: V128, v: V128) => f.v128(u.shuffle(v, [0, 2, 4, 6]));
          const odd = (u: V128, v: V128) => f.v128(u.shuffle(v, [1, 3, 5, 7]));
          return [even(a, b), odd(a, b), even(c, d), odd(c, d)];
        });
      });
    },
    () => {
      const mask = f.v128();
      const valid = f.i32();
      gridOf(4, 4, (line, column) => {
        const entry = (line * 4 + column) * 32;
        corners.forEach((corner, l) => {
          const row = f.i32(corner.y.add(line));
          const place = f.i32(corner.x.add(column));
          valid.set(row.below(window.height).and(place.below(window.width)));
          const address = corner.base.add(row.mul(window.width).add(place).shl(2));
          f.store(table, valid.select(address, source), entry + l * 4);
          mask.set(mask.withLane(l, I32.const(0).sub(valid).asF32()));
        });
        f.store(table, mask, entry + 16);
      });
      eachChannel((offset) =>
        gridOf(4, 4, (line, column) => {
          const entry = (line * 4 + column) * 32;
          const address = (l: number) => table.i32(entry + l * 4).add(offset);
          const gathered = [1, 2, 3].reduce<V128>(
            (vector, l) => address(l).lane32(vector, l),
            address(0).splat32(),
          );
          return f.v128(gathered.and(table.v128(entry + 16)));
        }),
      );
    },
  );
}

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
  const { lanes, oneRow } = tileGroup(f, w, tile, tiles);
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
