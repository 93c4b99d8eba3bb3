/** Which convolutions use Winograd's algorithm, how they are cut into tasks, and the layout of a thread's scratch. */
import type { ConvGemm } from '../conv2d/lowering.ts';
import type { EpilogueForm } from '../epilogue.ts';
import { tapsOf } from '../gemm/im2col-view.ts';
import type { TileShape } from '../gemm/micro-kernel.ts';
import type { StridedMatrix } from '../gemm/pack.ts';
import { stripBytes, type TiledPlanes, tilesAlong, zerosBytes } from './tiles.ts';
import { ALPHA, ALPHA_SQUARED, TILE } from './transforms.ts';

export interface Winograd {
  readonly weights: StridedMatrix;
  readonly source: TiledPlanes;
  readonly output: { readonly height: number; readonly width: number; readonly imageStride: number };
  readonly epilogue: EpilogueForm;
  /** Rows of tiles of a task. */
  readonly taskTileRows: number;
  /** Output channels of a task, and those whose products are kept at a time. */
  readonly taskRows: number;
  readonly blockRows: number;
}

/** Fewer channels, or tiles in all, do not pay for the transforms. */
const LEAST_CHANNELS = 16;
const LEAST_TILES = 24;
/** Bytes of a task's transformed input, as far as the limits on a task's tiles allow. */
const INPUT_BYTES = 2048 * 1024;
const TASK_TILES = { always: 32, most: 112 };
/** What a task costs beside its products: to transform a tile, in rows of products, and to read weights, in columns. */
const TRANSFORM_ROWS = 16;
const WEIGHT_COLUMNS = 8;

/** A convolution's plan by Winograd's algorithm, or null where that does not apply or is no faster. */
export function winogradOf(
  conv: ConvGemm,
  images: number,
  epilogue: EpilogueForm,
  shape: TileShape,
  threads: number,
): Winograd | null {
  const { view, output } = conv;
  const { rows, channels } = conv.weights;
  const fits =
    tapsOf(view) === 9 &&
    view.tapsY === 3 &&
    view.strideY * view.strideX * output.strideY * output.strideX === 1 &&
    Math.abs(view.dilationY) === 1 &&
    Math.abs(view.dilationX) === 1;
  const [tileRows, tileColumns] = [tilesAlong(output.height), tilesAlong(output.width)];
  const pays =
    Math.min(rows, channels) >= LEAST_CHANNELS &&
    images * tileRows * tileColumns >= LEAST_TILES &&
    ALPHA_SQUARED * tileRows * tileColumns < 9 * output.height * output.width;
  if (!fits || !pays) return null;
  const flipY = view.dilationY < 0;
  const flipX = view.dilationX < 0;
  const { tapY, tapX, offset } = conv.weights;
  const { height, width, imageStride } = view;
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
      originY: view.originY - (flipY ? 2 : 0),
      originX: view.originX - (flipX ? 2 : 0),
      lines: ALPHA,
      tileRows,
      tileColumns,
    },
    output: { height: output.height, width: output.width, imageStride: output.imageStride },
    epilogue,
    ...cutOf(conv.weights, images * tileRows, tileColumns, shape, threads),
  };
}

/** The cut into tasks by which the threads are done soonest. */
function cutOf(
  { rows, channels }: StridedMatrix,
  tileRows: number,
  tileColumns: number,
  shape: TileShape,
  threads: number,
): Pick<Winograd, 'taskTileRows' | 'taskRows' | 'blockRows'> {
  const blockRows = Math.min(Math.ceil(rows / shape.rows), Math.ceil(64 / shape.rows)) * shape.rows;
  const blocks = Math.ceil(rows / blockRows);
  const fitting = Math.max(TASK_TILES.always, Math.floor(INPUT_BYTES / (ALPHA_SQUARED * 4 * channels)));
  const most = Math.max(1, Math.floor(Math.min(TASK_TILES.most, fitting) / tileColumns));
  let best = { taskTileRows: 0, taskRows: 0, cost: Number.POSITIVE_INFINITY };
  for (let taskTileRows = 1; taskTileRows <= Math.min(most, tileRows); taskTileRows++) {
    const tiles = taskTileRows * tileColumns;
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

/** Bytes of a row of tiles' entry: address and mask of each line, then the address of its results and their lines. */
export const ROW_ENTRY = 64;
/** Bytes of the entry of four tiles: their addresses in the strips, their offset in the packed input, their output addresses. */
export const GROUP_ENTRY = 48;

/** How a thread's scratch is divided. */
export const layoutOf = (w: Winograd, shape: TileShape) => {
  const panels = Math.ceil((w.taskTileRows * w.source.tileColumns) / shape.columns);
  const tiles = panels * shape.columns;
  const panelBytes = w.weights.channels * shape.columns * 4;
  const pointBytes = oddLines(panels * panelBytes);
  const rowBytes = tiles * 4;
  const blockBytes = oddLines(w.blockRows * rowBytes);
  const outLineBytes = w.source.tileColumns * TILE * 4;
  const parts = {
    rowTable: w.taskTileRows * ROW_ENTRY,
    groupTable: (tiles / 4) * GROUP_ENTRY,
    zeros: zerosBytes(w.source),
    strips: w.taskTileRows * stripBytes(w.source),
    /** Four lines for each row of tiles, and four more that unused lanes write to. */
    results: w.taskTileRows * TILE * outLineBytes + TILE * outLineBytes,
    input: ALPHA_SQUARED * pointBytes,
    products: ALPHA_SQUARED * blockBytes,
  };
  return { tiles, panelBytes, pointBytes, rowBytes, blockBytes, outLineBytes, parts };
};

/** Bytes of one point of the transformed weights. */
export const weightPointBytes = ({ rows, channels }: StridedMatrix, shape: TileShape): number =>
  oddLines(Math.ceil(rows / shape.rows) * shape.rows * channels * 4);

/** Bytes of the transformed weights, and of a thread's scratch. */
export const winogradWeightBytes = (w: Winograd, shape: TileShape): number =>
  ALPHA_SQUARED * weightPointBytes(w.weights, shape);
export const winogradScratch = (w: Winograd, shape: TileShape): number =>
  Object.values(layoutOf(w, shape).parts).reduce((sum, bytes) => sum + bytes, 0);
