import { forwardWindow, weightsPerGroup } from '../../../kernels/wasm/conv2d/lowering.ts';
import {
  type WeightGrad,
  weightGradKernel,
  weightGradScratch,
  weightGradTasks,
} from '../../../kernels/wasm/conv2d/weight-grad.ts';
import { isDepthwise } from '../../../kernels/wasm/depthwise/forward.ts';
import { depthwiseGradKernel, depthwiseGradScratch } from '../../../kernels/wasm/depthwise/weight-grad.ts';
import { plainWindow, simplify, tapsOf } from '../../../kernels/wasm/gemm/im2col-view.ts';
import { reduceKernel, sizeName, strideName } from '../../../kernels/wasm/reduce.ts';
import { tilesAlong } from '../../../kernels/wasm/winograd/tiles.ts';
import {
  isWinogradGrad,
  winogradGradKernel,
  winogradGradScratch,
} from '../../../kernels/wasm/winograd/weight-grad.ts';
import type { Conv2dGeometry } from '../device.ts';
import type { WasmEngine } from './engine.ts';
import { ceilTo, evenShare, launchInPieces, TASKS_PER_THREAD } from './split.ts';

/** Rows of each operand that a task packs, and the positions of a block. */
const MOST_ROWS = 256;
const BLOCK = 384;
/** Channels on either side of a task of Winograd's form, and the tiles that it takes at least. */
const WINOGRAD_ROWS = { wide: 128, narrow: 96 };
const WINOGRAD_TILES = 96;

interface Operands {
  readonly x: number;
  readonly dy: number;
  readonly out: number;
}

export function runConv2dWeightGrad(engine: WasmEngine, operands: Operands, g: Conv2dGeometry): void {
  const { shape } = engine;
  const window = simplify(forwardWindow(g));
  const [rows, channels] = [g.outChannels / g.groups, g.inChannels / g.groups];
  const positions = g.outHeight * g.outWidth;
  const w: WeightGrad = {
    rows,
    channels,
    rowWindow: plainWindow(positions, g.outChannels * positions),
    window,
    taskRows: ceilTo(evenShare(rows, MOST_ROWS), shape.rows),
    taskChannels: evenShare(channels, Math.floor(MOST_ROWS / tapsOf(window))),
    block: BLOCK,
  };
  if (isDepthwise(g)) runDepthwise(engine, operands, g);
  else if (g.groups === 1 && isWinogradGrad(w)) runWinograd(engine, operands, g, w);
  else runDirect(engine, operands, g, w);
}

/** How many parts a sum over `length` is cut into, so that `tasks` times as many occupy the threads. */
function partsOf(engine: WasmEngine, tasks: number, length: number, least: number, unit: number) {
  const wanted = engine.threads === 1 ? 1 : engine.threads * TASKS_PER_THREAD;
  const parts = Math.min(Math.ceil(wanted / tasks), Math.ceil(length / least));
  const share = ceilTo(Math.ceil(length / parts), unit);
  return { parts: Math.ceil(length / share), share };
}

/** Calls `launch` with the threads' scratch and a place for the parts' results, then sums these. */
function withParts(
  engine: WasmEngine,
  parts: number,
  threadBytes: number,
  result: { readonly out: number; readonly size: number },
  launch: (scratch: number, out: number) => void,
): void {
  const scratchBytes = threadBytes * engine.threads;
  engine.withScratch(scratchBytes + (parts > 1 ? parts * result.size * 4 : 0), (scratch) => {
    const partials = scratch + scratchBytes;
    launch(scratch, parts > 1 ? partials : result.out);
    if (parts > 1) sumRows(engine, partials, result.out, parts, result.size);
  });
}

function runDirect(engine: WasmEngine, operands: Operands, g: Conv2dGeometry, w: WeightGrad): void {
  const { shape } = engine;
  const columns = g.batch * g.outHeight * g.outWidth;
  const tasks = weightGradTasks(w);
  const { parts, share } = partsOf(engine, tasks * g.groups, columns, BLOCK, 4);
  const threadBytes = ceilTo(weightGradScratch(w, shape), 64);
  const size = weightsPerGroup(g) * g.groups;
  const groupDy = w.rows * g.outHeight * g.outWidth;
  const groupX = w.channels * g.inHeight * g.inWidth;
  withParts(engine, parts, threadBytes, { out: operands.out, size }, (scratch, out) =>
    launchInPieces(g.groups, tasks * parts, (first, groups) =>
      engine.launch(weightGradKernel(w, shape), tasks * groups * parts, {
        dy: operands.dy + first * groupDy * 4,
        x: operands.x + first * groupX * 4,
        out: out + first * weightsPerGroup(g) * 4,
        scratch,
        threadBytes,
        columns,
        partColumns: share,
        partOut: size,
        groups,
        groupDy,
        groupX,
      }),
    ),
  );
}

function runWinograd(engine: WasmEngine, operands: Operands, g: Conv2dGeometry, direct: WeightGrad): void {
  const { shape } = engine;
  const most = engine.target.wide ? WINOGRAD_ROWS.wide : WINOGRAD_ROWS.narrow;
  const w: WeightGrad = {
    ...direct,
    taskRows: ceilTo(evenShare(direct.rows, most), shape.rows),
    taskChannels: ceilTo(evenShare(direct.channels, most), shape.columns),
  };
  const tileRows = g.batch * tilesAlong(g.outHeight);
  const tasks = weightGradTasks(w);
  const least = Math.ceil(WINOGRAD_TILES / tilesAlong(g.outWidth));
  const { parts, share } = partsOf(engine, tasks, tileRows, least, 1);
  const threadBytes = ceilTo(winogradGradScratch(w, shape), 64);
  const size = weightsPerGroup(g);
  withParts(engine, parts, threadBytes, { out: operands.out, size }, (scratch, out) =>
    engine.launch(winogradGradKernel(w, shape), tasks * parts, {
      dy: operands.dy,
      x: operands.x,
      out,
      scratch,
      threadBytes,
      tileRows,
      partTileRows: share,
      partOut: size,
    }),
  );
}

function runDepthwise(engine: WasmEngine, operands: Operands, g: Conv2dGeometry): void {
  const window = forwardWindow(g);
  const tasks = Math.min(g.groups, engine.threads === 1 ? 1 : engine.threads * TASKS_PER_THREAD);
  const units = Math.ceil(g.groups / tasks);
  const groupTasks = Math.ceil(g.groups / units);
  const { parts, share } = partsOf(engine, groupTasks, g.batch, 1, 1);
  const threadBytes = ceilTo(depthwiseGradScratch(window), 64);
  const size = weightsPerGroup(g) * g.groups;
  const kernel = depthwiseGradKernel(g.outChannels / g.groups, window);
  withParts(engine, parts, threadBytes, { out: operands.out, size }, (scratch, out) =>
    engine.launch(kernel, parts * groupTasks, {
      dy: operands.dy,
      x: operands.x,
      out,
      scratch,
      threadBytes,
      images: g.batch,
      partImages: share,
      partOut: size,
      groups: g.groups,
      units,
      groupTasks,
    }),
  );
}

/** out[j] = sum over i of x[i, j], x: `[rows, columns]`. */
function sumRows(engine: WasmEngine, x: number, out: number, rows: number, columns: number): void {
  const total = Math.ceil(columns / 4);
  const units = Math.ceil(total / Math.min(total, engine.threads * TASKS_PER_THREAD));
  engine.launch(reduceKernel('sum', 2, false), Math.ceil(total / units), {
    x,
    out,
    total,
    units,
    turns: rows,
    [sizeName(0)]: rows,
    [sizeName(1)]: columns,
    [strideName(0)]: columns,
    [strideName(1)]: 1,
  });
}
