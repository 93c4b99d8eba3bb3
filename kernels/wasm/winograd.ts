/** 3x3 convolutions of stride 1, and their input gradients, by Winograd's F(4x4, 3x3) (see winograd-transforms.ts). */
import type { FunctionBuilder } from './assembler.ts';
import type { ConvProduct } from './conv2d.ts';
import { type Ending, endVector } from './ending.ts';
import { defineKernel, type Target } from './kernel.ts';
import { fillRun } from './loops.ts';
import type { TileShape } from './micro.ts';
import type { AffineRows } from './pack.ts';
import { transpose } from './transpose.ts';
import { I32, type V128 } from './values.ts';
import { keyOf, tapsOf } from './window.ts';
import {
  emitColumns,
  emitLines,
  stripBytes,
  stripWidth,
  type TiledPlanes,
  tilesAlong,
  zerosBytes,
} from './winograd-tiles.ts';
import {
  bothSides,
  inputTransform,
  outputTransform,
  PATCH,
  POINTS,
  TILE,
  weightTransform,
} from './winograd-transforms.ts';

export interface Winograd {
  readonly weights: AffineRows;
  readonly source: TiledPlanes;
  readonly output: { readonly height: number; readonly width: number; readonly imageStride: number };
  readonly ending: Ending;
  /** Rows of tiles of a task. */
  readonly taskTileRows: number;
  /** Output channels of a task, and those whose products are kept at a time. */
  readonly taskRows: number;
  readonly blockRows: number;
}

/** Fewer channels, or tiles in all, do not pay for the transforms. */
const LEAST_CHANNELS = 16;
const LEAST_TILES = 24;
/** Bytes of a task's transformed input, within the tiles that a task may always, and at most, have. */
const INPUT_BYTES = 2048 * 1024;
const TASK_TILES = { always: 32, most: 112 };
/** What a task costs beside its products: to transform a tile, in rows of products, and to read weights, in columns. */
const TRANSFORM_ROWS = 16;
const WEIGHT_COLUMNS = 8;

/** A product as a Winograd convolution, or null where it is none or would not gain by it. */
export function winogradOf(
  conv: ConvProduct,
  images: number,
  ending: Ending,
  shape: TileShape,
  threads: number,
): Winograd | null {
  const { window, output } = conv;
  const { rows, channels } = conv.weights;
  const fits =
    tapsOf(window) === 9 &&
    window.tapsY === 3 &&
    window.strideY * window.strideX * output.strideY * output.strideX === 1 &&
    Math.abs(window.stepY) === 1 &&
    Math.abs(window.stepX) === 1;
  const [down, across] = [tilesAlong(output.height), tilesAlong(output.width)];
  const pays =
    Math.min(rows, channels) >= LEAST_CHANNELS &&
    images * down * across >= LEAST_TILES &&
    POINTS * down * across < 9 * output.height * output.width;
  if (!fits || !pays) return null;
  const flipY = window.stepY < 0;
  const flipX = window.stepX < 0;
  const { tapY, tapX, offset } = conv.weights;
  const { height, width, imageStride } = window;
  return {
    weights: {
      ...conv.weights,
      tapY: flipY ? -tapY : tapY,
      tapX: flipX ? -tapX : tapX,
      offset: offset + (flipY ? 2 * tapY : 0) + (flipX ? 2 * tapX : 0),
    },
    source: {
      height,
      width,
      imageStride,
      originY: window.originY - (flipY ? 2 : 0),
      originX: window.originX - (flipX ? 2 : 0),
      lines: PATCH,
      down,
      across,
    },
    output: { height: output.height, width: output.width, imageStride: output.imageStride },
    ending,
    ...cutOf(conv.weights, images * down, across, shape, threads),
  };
}

/** The cut into tasks by which the threads are done soonest. */
function cutOf(
  { rows, channels }: AffineRows,
  tileRows: number,
  across: number,
  shape: TileShape,
  threads: number,
): Pick<Winograd, 'taskTileRows' | 'taskRows' | 'blockRows'> {
  const blockRows = Math.min(Math.ceil(rows / shape.rows), Math.ceil(64 / shape.rows)) * shape.rows;
  const blocks = Math.ceil(rows / blockRows);
  const fitting = Math.max(TASK_TILES.always, Math.floor(INPUT_BYTES / (POINTS * 4 * channels)));
  const most = Math.max(1, Math.floor(Math.min(TASK_TILES.most, fitting) / across));
  let best = { taskTileRows: 0, taskRows: 0, cost: Number.POSITIVE_INFINITY };
  for (let taskTileRows = 1; taskTileRows <= Math.min(most, tileRows); taskTileRows++) {
    const tiles = taskTileRows * across;
    const columns = Math.ceil(tiles / shape.columns) * shape.columns + WEIGHT_COLUMNS;
    for (let rowTasks = 1; rowTasks <= Math.min(blocks, 2 * threads); rowTasks++) {
      const taskRows = Math.ceil(blocks / rowTasks) * blockRows;
      const tasks = Math.ceil(tileRows / taskTileRows) * Math.ceil(rows / taskRows);
      const cost = Math.ceil(tasks / threads) * (columns * taskRows + tiles * TRANSFORM_ROWS);
      if (cost < best.cost) best = { taskTileRows, taskRows, cost };
    }
  }
  return { taskTileRows: best.taskTileRows, taskRows: best.taskRows, blockRows };
}

/** The least odd number of cache lines that holds `bytes`: strides of powers of two would share a set of the cache. */
const oddLines = (bytes: number): number =>
  (2 * Math.floor(bytes / 128) + 1) * 64 + (bytes % 128 > 64 ? 128 : 0);

const layoutOf = (w: Winograd, shape: TileShape) => {
  const panels = Math.ceil((w.taskTileRows * w.source.across) / shape.columns);
  const tiles = panels * shape.columns;
  const panelBytes = w.weights.channels * shape.columns * 4;
  const pointBytes = oddLines(panels * panelBytes);
  const rowBytes = tiles * 4;
  const blockBytes = oddLines(w.blockRows * rowBytes);
  const outLineBytes = w.source.across * TILE * 4;
  const parts = {
    rowTable: w.taskTileRows * ROW_ENTRY,
    groupTable: (tiles / 4) * GROUP_ENTRY,
    zeros: zerosBytes(w.source),
    strips: w.taskTileRows * stripBytes(w.source),
    /** Four lines for each row of tiles, and one tile's more where unused lanes write. */
    results: w.taskTileRows * TILE * outLineBytes + TILE * outLineBytes,
    input: POINTS * pointBytes,
    products: POINTS * blockBytes,
  };
  return { tiles, panelBytes, pointBytes, rowBytes, blockBytes, outLineBytes, parts };
};
/** For each line of a row of tiles its address and mask, then where the row's results go, and how many lines. */
const ROW_ENTRY = 64;
/** For four tiles where they read in the strips, where they lie in the packed input, and where they write. */
const GROUP_ENTRY = 48;

const weightPointBytes = ({ rows, channels }: AffineRows, shape: TileShape): number =>
  oddLines(Math.ceil(rows / shape.rows) * shape.rows * channels * 4);

/** Bytes of the transformed weights, and of a thread's scratch. */
export const winogradWeightBytes = (w: Winograd, shape: TileShape): number =>
  POINTS * weightPointBytes(w.weights, shape);
export const winogradScratch = (w: Winograd, shape: TileShape): number =>
  Object.values(layoutOf(w, shape).parts).reduce((sum, bytes) => sum + bytes, 0);

/** Task = panel: transforms its rows of weights to `[36][panels][channels][shape.rows]`. */
export const winogradWeightsKernel = (a: AffineRows, shape: TileShape) =>
  defineKernel(
    `winograd weights ${keyOf(a)} / ${shape.rows}`,
    { x: 'i32', out: 'i32' },
    ({ f, p, task, target }) => {
      const pointBytes = weightPointBytes(a, shape);
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
          const taps = [0, 1, 2].map((ty) =>
            [0, 1, 2].map((tx) => {
              const at = (ty * a.tapY + tx * a.tapX) * 4;
              const gathered = lanes
                .slice(1)
                .reduce<V128>(
                  (vector, lane, l) => lane.add(at).lane32(vector, l + 1),
                  lanes[0].add(at).splat32(),
                );
              return f.v128(gathered);
            }),
          );
          bothSides(f, taps, weightTransform, target.fused)
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
    },
  );

const PARAMS = {
  weights: 'i32',
  x: 'i32',
  bias: 'i32',
  /** Bytes from an output to what is added to it. */
  residual: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  tileRows: 'i32',
  tileTasks: 'i32',
  taskRows: 'i32',
} as const;

/**
 * Task = row task * tileTasks + tile task: `taskTileRows` rows of tiles, counted over all images, and `taskRows` output
 * channels, a multiple of blockRows.
 */
export const winogradKernel = (w: Winograd, shape: TileShape) =>
  defineKernel(
    `winograd ${keyOf(w.weights)} / ${keyOf(w.source)} / ${keyOf(w.output)} / ${keyOf(w.ending)} ${w.taskTileRows} ${w.blockRows} ${keyOf(shape)}`,
    PARAMS,
    ({ f, p, task, thread, library, target }) => {
      const { channels, rows } = w.weights;
      const { source, output, ending } = w;
      const layout = layoutOf(w, shape);
      const { tiles, panelBytes, pointBytes, rowBytes, blockBytes, outLineBytes, parts } = layout;
      const planeBytes = output.height * output.width * 4;
      const rowTable = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const groupTable = f.i32(rowTable.add(parts.rowTable));
      const zeros = f.i32(groupTable.add(parts.groupTable));
      const strips = f.i32(zeros.add(parts.zeros));
      const results = f.i32(strips.add(parts.strips));
      const input = f.i32(results.add(parts.results));
      const products = f.i32(input.add(parts.input));
      const firstTileRow = f.i32(task.rem(p.tileTasks).mul(w.taskTileRows));
      const tileRows = f.i32(p.tileRows.sub(firstTileRow).min(w.taskTileRows));
      const firstRow = f.i32(task.div(p.tileTasks).mul(p.taskRows));
      const endRow = f.i32(firstRow.add(p.taskRows).min(rows));

      fillRun(f, f.i32(zeros), I32.const((parts.zeros + parts.strips) / 4), 0);
      const row = f.i32();
      f.for(0, tileRows, (r) => {
        const tileRow = f.i32(firstTileRow.add(r));
        row.set(rowTable.add(r.mul(ROW_ENTRY)));
        emitLines(f, source, tileRow, p.x, zeros, (line, address, mask) => {
          f.store(row, address, line * 8);
          f.store(row, mask, line * 8 + 4);
        });
        const top = f.i32(tileRow.rem(source.down).mul(TILE));
        const place = tileRow.div(source.down).mul(output.imageStride).add(top.mul(output.width));
        f.store(row, p.out.add(place.shl(2)), 48);
        f.store(row, I32.const(output.height).sub(top).min(TILE), 52);
      });
      const group = f.i32(groupTable);
      const tile = f.i32(0);
      f.repeat(I32.const(tiles / 4), () => {
        const to = tile.div(shape.columns).mul(panelBytes).add(tile.rem(shape.columns).shl(2));
        f.store(group, to, 16);
        for (let lane = 0; lane < 4; lane++) {
          const r = f.i32(tile.add(lane).div(source.across));
          const x = f.i32(tile.add(lane).rem(source.across).shl(4));
          const from = r.min(w.taskTileRows - 1).mul(stripBytes(source));
          f.store(group, strips.add(from).add(x), lane * 4);
          const result = r.lt(tileRows).select(r, I32.const(w.taskTileRows));
          f.store(group, results.add(result.mul(TILE * outLineBytes)).add(x), 20 + lane * 4);
        }
        group.set(group.add(GROUP_ENTRY));
        tile.set(tile.add(4));
      });

      const usedTiles = f.i32(tileRows.mul(source.across));
      const groups = f.i32(usedTiles.add(3).div(4));
      f.for(0, channels, (channel) => {
        const plane = f.i32(channel.mul(source.height * source.width * 4));
        const strip = f.i32(strips);
        row.set(rowTable);
        f.repeat(tileRows, () => {
          const lines = Array.from({ length: PATCH }, (_, line) =>
            f.i32(row.i32(line * 8).add(row.i32(line * 8 + 4).and(plane))),
          );
          emitColumns(f, source, lines, strip, inputTransform, target.fused);
          strip.set(strip.add(stripBytes(source)));
          row.set(row.add(ROW_ENTRY));
        });
        const packed = f.i32(input.add(channel.mul(shape.columns * 4)));
        group.set(groupTable);
        f.repeat(groups, () => {
          const lanes = [0, 1, 2, 3].map((lane) => f.i32(group.i32(lane * 4)));
          const to = f.i32(packed.add(group.i32(16)));
          for (let u = 0; u < PATCH; u++) {
            const load = (at: number) =>
              lanes.map((lane) => f.v128(lane.v128(u * stripWidth(source) * 4 + at)));
            const columns = [...transpose(f, load(0)), ...transpose(f, load(16)).slice(0, 2)];
            inputTransform(f, columns, target.fused).forEach((value, v) => {
              f.store(to, value, (u * PATCH + v) * pointBytes);
            });
          }
          group.set(group.add(GROUP_ENTRY));
        });
      });

      const usedPanels = f.i32(usedTiles.add(shape.columns - 1).div(shape.columns));
      f.for(
        firstRow,
        endRow,
        (blockRow) => {
          const blockEnd = f.i32(blockRow.add(w.blockRows).min(endRow));
          f.for(0, POINTS, (point) =>
            f.for(0, usedPanels, (panel) => {
              const b = f.i32(input.add(point.mul(pointBytes)).add(panel.mul(panelBytes)));
              const a = f.i32(
                p.weights.add(point.mul(weightPointBytes(w.weights, shape))).add(blockRow.mul(channels * 4)),
              );
              const c = f.i32(products.add(point.mul(blockBytes)).add(panel.mul(shape.columns * 4)));
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
          f.for(blockRow, blockEnd, (outRow) => {
            const sums = f.i32(products.add(outRow.sub(blockRow).mul(rowBytes)));
            const bias = ending.bias === 'row' ? f.v128(p.bias.add(outRow.shl(2)).splat32()) : null;
            group.set(groupTable);
            f.repeat(groups, () => {
              emitResults(f, sums, group, blockBytes, outLineBytes, target);
              sums.set(sums.add(16));
              group.set(group.add(GROUP_ENTRY));
            });
            const from = f.i32(results);
            row.set(rowTable);
            f.repeat(tileRows, () => {
              const to = f.i32(row.i32(48).add(outRow.mul(planeBytes)));
              const line = f.i32(from);
              f.repeat(row.i32(52), () => {
                emitLine(f, ending, line, to, output.width, bias, p.residual);
                line.set(line.add(outLineBytes));
                to.set(to.add(output.width * 4));
              });
              from.set(from.add(TILE * outLineBytes));
              row.set(row.add(ROW_ENTRY));
            });
          });
        },
        w.blockRows,
      );
    },
  );

/** Transforms the products of four tiles back into their 4x4 outputs. */
function emitResults(
  f: FunctionBuilder,
  sums: I32,
  group: I32,
  pointBytes: number,
  lineBytes: number,
  { fused }: Target,
): void {
  const products = Array.from({ length: PATCH }, (_, u) =>
    Array.from({ length: PATCH }, (_, v) => f.v128(sums.v128((u * PATCH + v) * pointBytes))),
  );
  const lanes = [0, 1, 2, 3].map((lane) => f.i32(group.i32(20 + lane * 4)));
  bothSides(f, products, outputTransform, fused).forEach((line, i) => {
    transpose(f, line).forEach((value, lane) => {
      f.store(lanes[lane], value, i * lineBytes);
    });
  });
}

/** Writes a line of `width` sums to the output, ended. */
function emitLine(
  f: FunctionBuilder,
  ending: Ending,
  from: I32,
  to: I32,
  width: number,
  bias: V128 | null,
  residual: I32,
): void {
  const added = ending.residual ? f.i32(to.add(residual)) : null;
  if (width < 4) {
    for (let x = 0; x < width; x++) {
      const sum = endVector(ending, from.splat32(x * 4), bias, added?.splat32(x * 4));
      f.storeLane(to, sum, 0, x * 4);
    }
    return;
  }
  const offset = f.i32(0);
  f.while(offset.lt(16 * Math.floor(width / 4)), () => {
    const sum = endVector(ending, from.add(offset).v128(), bias, added?.add(offset).v128());
    f.store(to.add(offset), sum);
    offset.set(offset.add(16));
  });
  if (width % 4 > 0) {
    const last = (width - 4) * 4;
    f.store(to, endVector(ending, from.v128(last), bias, added?.v128(last)), last);
  }
}
