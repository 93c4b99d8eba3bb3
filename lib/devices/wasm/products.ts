import {
  type ConvProduct,
  forwardProduct,
  inputGradProducts,
} from '../../../kernels/wasm/conv2d/lowering.ts';
import { depthwiseKernel, depthwiseScratch, isDepthwise } from '../../../kernels/wasm/depthwise/forward.ts';
import type { Ending } from '../../../kernels/wasm/epilogue.ts';
import {
  type Product,
  productDepth,
  productKernel,
  productScratch,
} from '../../../kernels/wasm/gemm/gemm.ts';
import { plainWindow, simplify, tapsOf } from '../../../kernels/wasm/gemm/im2col-view.ts';
import { type AffineRows, packRowsKernel } from '../../../kernels/wasm/gemm/pack.ts';
import { winogradKernel, winogradWeightsKernel } from '../../../kernels/wasm/winograd/forward.ts';
import { winogradOf, winogradScratch, winogradWeightBytes } from '../../../kernels/wasm/winograd/plan.ts';
import type { Conv2dGeometry, MatmulGeometry } from '../device.ts';
import type { WasmEngine } from './engine.ts';
import { ceilTo, evenShare, launchInPieces, TASKS_PER_THREAD } from './split.ts';

/** Values of k of a packed block: a panel of it fits the first-level cache, a task's columns the second. */
const DEPTH_BLOCK = 320;
const TASK_COLUMNS = 256;
/** Bytes of a packed A that no cache holds: wider tasks read it less often. */
const LARGE_A = 8 * 1024 * 1024;

/** A convolution's product on given addresses. */
interface ConvRun extends Ends {
  readonly images: number;
  readonly groups: number;
  readonly source: number;
  readonly weight: number;
}

/** Where a result goes, and the addresses of what it ends in. */
interface Ends {
  readonly out: number;
  readonly bias: number | null;
  readonly residual: number | null;
  readonly relu: boolean;
}

const endingOf = ({ bias, residual, relu }: Ends, axis: 'row' | 'column'): Ending => ({
  bias: bias === null ? 'none' : axis,
  residual: residual !== null,
  relu,
});

/** The arguments of a kernel for an ending. */
const endArguments = ({ out, bias, residual }: Ends) => ({
  bias: bias ?? 0,
  residual: residual === null ? 0 : residual - out,
});

interface ProductRun {
  readonly weights: AffineRows;
  readonly product: Product;
  readonly ends: Ends;
  readonly groups: number;
  readonly columns: number;
  /** Whether A's values may well come again, as weights do. */
  readonly keeps: boolean;
  /** Addresses, and what lies between groups, in values. */
  readonly a: number;
  readonly b: number;
  readonly groupA: number;
  readonly groupB: number;
  readonly groupOut: number;
}

/** Runs a convolution's product as Winograd's where that gains; tells whether it did. */
function runWinograd(engine: WasmEngine, conv: ConvProduct, run: ConvRun): boolean {
  const { shape, threads } = engine;
  const w = run.groups === 1 ? winogradOf(conv, run.images, endingOf(run, 'row'), shape, threads) : null;
  if (!w) return false;
  const rowTasks = Math.ceil(w.weights.rows / w.taskRows);
  const threadBytes = ceilTo(winogradScratch(w, shape), 64);
  const packing = winogradWeightsKernel(w.weights, shape);
  const panels = Math.ceil(w.weights.rows / shape.rows);
  engine.withScratch(threadBytes * threads, (scratch) =>
    engine.packed.use(
      run.weight,
      packing.key,
      winogradWeightBytes(w, shape),
      (out) => engine.launch(packing, panels, { x: run.weight, out }),
      (weights) =>
        launchInPieces(run.images, Math.ceil(w.source.down / w.taskTileRows) * rowTasks, (first, images) => {
          const tasks = Math.ceil((images * w.source.down) / w.taskTileRows);
          engine.launch(winogradKernel(w, shape), tasks * rowTasks, {
            weights,
            x: run.source + first * w.source.imageStride * 4,
            ...endArguments(run),
            out: run.out + first * w.output.imageStride * 4,
            scratch,
            threadBytes,
            tileRows: images * w.source.down,
            tileTasks: tasks,
            taskRows: w.taskRows,
          });
        }),
    ),
  );
  return true;
}

function runProduct(engine: WasmEngine, run: ProductRun): void {
  const { shape, threads } = engine;
  const { weights, product, groups } = run;
  const panels = Math.ceil(weights.rows / shape.rows);
  const packed = panels * shape.rows * productDepth(product);
  const groupsOfA = run.groupA ? groups : 1;

  const wanted = Math.ceil((threads * (threads > 1 ? TASKS_PER_THREAD : 1)) / groups);
  const isLarge = packed * 4 > LARGE_A && run.columns >= wanted * TASK_COLUMNS;
  let taskColumns = isLarge ? 2 * TASK_COLUMNS : Math.min(TASK_COLUMNS, Math.ceil(run.columns / wanted));
  taskColumns = ceilTo(Math.max(taskColumns, Math.min(64, run.columns)), shape.columns);
  taskColumns = Math.max(taskColumns, ceilTo(Math.ceil((run.columns * groups) / 2048), shape.columns));
  const columnTasks = Math.ceil(run.columns / taskColumns);
  const rowTasks = Math.max(1, Math.min(Math.ceil(wanted / columnTasks), Math.floor(panels / 8)));
  const taskRows = Math.ceil(panels / rowTasks) * shape.rows;

  const threadBytes = ceilTo(productScratch(product, shape, taskColumns), 64);
  const packing = packRowsKernel(weights, shape);
  const pack = (out: number) =>
    launchInPieces(groupsOfA, panels, (first, count) =>
      engine.launch(packing, count * panels, {
        x: run.a + first * run.groupA * 4,
        out: out + first * packed * 4,
        groupStride: run.groupA,
      }),
    );
  const { bias, residual } = endArguments(run.ends);
  const exactRowTasks = Math.ceil(panels / (taskRows / shape.rows));
  const multiply = (a: number, scratch: number) =>
    launchInPieces(groups, columnTasks * exactRowTasks, (first, count) =>
      engine.launch(productKernel(product, shape), count * columnTasks * exactRowTasks, {
        a: a + (run.groupA ? first * packed * 4 : 0),
        b: run.b + first * run.groupB * 4,
        residual,
        bias: bias + (product.ending.bias === 'row' ? first * product.rows * 4 : 0),
        out: run.ends.out + first * run.groupOut * 4,
        scratch,
        threadBytes,
        columns: run.columns,
        taskColumns,
        columnTasks,
        taskRows,
        rowTasks: exactRowTasks,
        groupA: run.groupA ? packed : 0,
        groupB: run.groupB,
        groupOut: run.groupOut,
      }),
    );
  engine.withScratch(threadBytes * threads, (scratch) => {
    const bytes = packed * groupsOfA * 4;
    if (run.keeps) engine.packed.use(run.a, packing.key, bytes, pack, (a) => multiply(a, scratch));
    else {
      engine.withScratch(bytes, (a) => {
        pack(a);
        multiply(a, scratch);
      });
    }
  });
}

export function runMatmul(
  engine: WasmEngine,
  operands: { a: number; b: number; bias: number | null; out: number },
  g: MatmulGeometry,
): void {
  const ends = { ...operands, residual: null, relu: false };
  const weights: AffineRows = {
    rows: g.m,
    channels: g.k,
    tapsY: 1,
    tapsX: 1,
    row: g.transposeA ? 1 : g.k,
    channel: g.transposeA ? g.m : 1,
    tapY: 0,
    tapX: 0,
    offset: 0,
  };
  const product: Product = {
    rows: g.m,
    channels: g.k,
    block: evenShare(g.k, DEPTH_BLOCK),
    source: g.transposeB ? { kind: 'transposed' } : { kind: 'window', window: plainWindow(g.n, 0) },
    output: { height: 1, width: g.n, strideY: 1, strideX: 1, originY: 0, originX: 0, imageStride: 0 },
    grid: { height: 1, width: g.n },
    ending: endingOf(ends, 'column'),
  };
  runProduct(engine, {
    weights,
    product,
    groups: g.batch,
    columns: g.n,
    keeps: false,
    ends,
    a: operands.a,
    b: operands.b,
    groupA: g.batchStrideA,
    groupB: g.batchStrideB,
    groupOut: g.m * g.n,
  });
}

function runConvolution(engine: WasmEngine, conv: ConvProduct, run: ConvRun): void {
  if (runWinograd(engine, conv, run)) return;
  const { weights, window, output } = conv;
  runProduct(engine, {
    weights,
    product: {
      rows: weights.rows,
      channels: weights.channels,
      block: evenShare(weights.channels, Math.floor(DEPTH_BLOCK / tapsOf(window))),
      source: { kind: 'window', window: simplify(window) },
      output,
      grid: conv.grid,
      ending: endingOf(run, 'row'),
    },
    ends: run,
    groups: run.groups,
    columns: run.images * conv.grid.height * conv.grid.width,
    keeps: true,
    a: run.weight,
    b: run.source,
    groupA: conv.weightsPerGroup,
    groupB: weights.channels * window.height * window.width,
    groupOut: weights.rows * output.height * output.width,
  });
}

/** Runs all products of a pass of which `isDepthwise` holds. */
function runDepthwise(engine: WasmEngine, products: readonly ConvProduct[], run: ConvRun): void {
  const total = run.images * run.groups;
  const tasks = Math.min(total, engine.threads === 1 ? 1 : engine.threads * TASKS_PER_THREAD);
  const units = Math.ceil(total / tasks);
  const threadBytes = ceilTo(depthwiseScratch(products), 64);
  engine.withScratch(threadBytes * engine.threads, (scratch) =>
    engine.launch(depthwiseKernel(products, endingOf(run, 'row')), Math.ceil(total / units), {
      weights: run.weight,
      x: run.source,
      ...endArguments(run),
      out: run.out,
      scratch,
      threadBytes,
      total,
      units,
      groups: run.groups,
    }),
  );
}

export function runConv2d(
  engine: WasmEngine,
  operands: Ends & { readonly x: number; readonly weight: number },
  g: Conv2dGeometry,
): void {
  const { x: source, ...rest } = operands;
  const run = { images: g.batch, groups: g.groups, source, ...rest };
  if (isDepthwise(g)) runDepthwise(engine, [forwardProduct(g)], run);
  else runConvolution(engine, forwardProduct(g), run);
}

export function runConv2dInputGrad(
  engine: WasmEngine,
  operands: { dy: number; weight: number; out: number },
  g: Conv2dGeometry,
): void {
  const { products, complete } = inputGradProducts(g);
  if (!complete) {
    const start = operands.out / 4;
    engine.heap.f32.fill(0, start, start + g.batch * g.inChannels * g.inHeight * g.inWidth);
  }
  const { dy: source, ...rest } = operands;
  const run = { images: g.batch, groups: g.groups, source, bias: null, residual: null, relu: false, ...rest };
  if (!isDepthwise(g)) for (const conv of products) runConvolution(engine, conv, run);
  else if (products.length) runDepthwise(engine, products, run);
}
