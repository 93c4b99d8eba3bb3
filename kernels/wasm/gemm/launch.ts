import type { Storage } from '../../primitives.ts';
import { type EpilogueOperands, epilogueArguments, epilogueForm } from '../epilogue.ts';
import type { Family, Launcher, Machine } from '../machine.ts';
import { ceilTo, evenPartition, launchInChunks, TASKS_PER_THREAD } from '../tasks.ts';
import { type Gemm, gemmK, gemmKernel, gemmScratchBytes } from './gemm.ts';
import { plainView } from './im2col-view.ts';
import { packRowsKernel, type StridedMatrix } from './pack.ts';

/** Values of k of a packed block: a panel of it fits the first-level cache, a task's columns the second. */
export const K_BLOCK = 320;
const TASK_COLUMNS = 256;
/** Bytes of a packed A that no cache holds: wider tasks read it less often. */
const LARGE_A = 8 * 1024 * 1024;

/** A matrix product, or one for each of several groups, on given addresses. */
export interface GemmRun extends EpilogueOperands {
  readonly weights: StridedMatrix;
  readonly gemm: Gemm;
  readonly groups: number;
  readonly columns: number;
  /** Whether A is likely to be used again, as weights are: its packed form is then kept. */
  readonly keepsPacked: boolean;
  readonly a: number;
  readonly b: number;
  /** A's stride from one group to the next, in values; 0 if all groups have the same A. */
  readonly groupA: number;
  readonly groupB: number;
  readonly groupOut: number;
}

export function launchGemm(launcher: Launcher, run: GemmRun): void {
  const { shape, threads } = launcher;
  const { weights, gemm, groups } = run;
  const panels = Math.ceil(weights.rows / shape.rows);
  const packed = panels * shape.rows * gemmK(gemm);
  const groupsOfA = run.groupA ? groups : 1;

  const { taskColumns, columnTasks, taskRows, rowTasks } = cutIntoTasks(run, panels, packed * 4, launcher);
  const threadBytes = ceilTo(gemmScratchBytes(gemm, shape, taskColumns), 64);
  const packing = packRowsKernel(weights, shape);
  const pack = (out: number) =>
    launchInChunks(groupsOfA, panels, (first, count) =>
      launcher.launch(packing, count * panels, {
        x: run.a + first * run.groupA * 4,
        out: out + first * packed * 4,
        groupStride: run.groupA,
      }),
    );
  const { bias, residual } = epilogueArguments(run);
  const multiply = (a: number, scratch: number) =>
    launchInChunks(groups, columnTasks * rowTasks, (first, count) =>
      launcher.launch(gemmKernel(gemm, shape), count * columnTasks * rowTasks, {
        a: a + (run.groupA ? first * packed * 4 : 0),
        b: run.b + first * run.groupB * 4,
        residual,
        bias: bias + (gemm.epilogue.bias === 'row' ? first * gemm.rows * 4 : 0),
        out: run.out + first * run.groupOut * 4,
        scratch,
        threadBytes,
        columns: run.columns,
        taskColumns,
        columnTasks,
        taskRows,
        rowTasks,
        groupA: run.groupA ? packed : 0,
        groupB: run.groupB,
        groupOut: run.groupOut,
      }),
    );
  launcher.withScratch(threadBytes * threads, (scratch) => {
    const bytes = packed * groupsOfA * 4;
    if (run.keepsPacked) {
      launcher.packed.use(run.a, packing.key, bytes, pack, (a) => multiply(a, scratch));
    } else {
      launcher.withScratch(bytes, (a) => {
        pack(a);
        multiply(a, scratch);
      });
    }
  });
}

/** Rows and columns of C of a task, multiples of the tile's, such that all threads have work. */
function cutIntoTasks(
  { columns, groups }: GemmRun,
  panels: number,
  packedBytes: number,
  { shape, threads }: Launcher,
) {
  const wanted = Math.ceil((threads * (threads > 1 ? TASKS_PER_THREAD : 1)) / groups);
  const isLarge = packedBytes > LARGE_A && columns >= wanted * TASK_COLUMNS;
  let taskColumns = isLarge ? 2 * TASK_COLUMNS : Math.min(TASK_COLUMNS, Math.ceil(columns / wanted));
  taskColumns = ceilTo(Math.max(taskColumns, Math.min(64, columns)), shape.columns);
  taskColumns = Math.max(taskColumns, ceilTo(Math.ceil((columns * groups) / 2048), shape.columns));
  const columnTasks = Math.ceil(columns / taskColumns);
  const wantedRowTasks = Math.max(1, Math.min(Math.ceil(wanted / columnTasks), Math.floor(panels / 8)));
  const taskPanels = Math.ceil(panels / wantedRowTasks);
  return {
    taskColumns,
    columnTasks,
    taskRows: taskPanels * shape.rows,
    rowTasks: Math.ceil(panels / taskPanels),
  };
}

export function matrixProduct<S extends Storage>({
  launcher,
  allocate,
  addressOf,
}: Machine<S>): Family<S, 'matmul'> {
  return {
    matmul(a, b, bias, g) {
      const out = allocate(g.batch * g.m * g.n);
      const operands: EpilogueOperands = {
        out: addressOf(out),
        bias: bias && addressOf(bias),
        residual: null,
        relu: false,
      };
      launchGemm(launcher, {
        ...operands,
        weights: {
          rows: g.m,
          channels: g.k,
          tapsY: 1,
          tapsX: 1,
          row: g.transposeA ? 1 : g.k,
          channel: g.transposeA ? g.m : 1,
          tapY: 0,
          tapX: 0,
          offset: 0,
        },
        gemm: {
          rows: g.m,
          channels: g.k,
          block: evenPartition(g.k, K_BLOCK),
          source: g.transposeB ? { kind: 'transposed' } : { kind: 'view', view: plainView(g.n, 0) },
          output: { height: 1, width: g.n, strideY: 1, strideX: 1, originY: 0, originX: 0, imageStride: 0 },
          grid: { height: 1, width: g.n },
          epilogue: epilogueForm(operands, 'column'),
        },
        groups: g.batch,
        columns: g.n,
        keepsPacked: false,
        a: addressOf(a),
        b: addressOf(b),
        groupA: g.batchStrideA,
        groupB: g.batchStrideB,
        groupOut: g.m * g.n,
      });
      return out;
    },
  };
}
