/**
 * What the depthwise kernels share: a plane laid out in the thread's scratch with zeros around it and its columns
 * sorted by their remainder of the stride, so that what a tap reads for four neighbouring outputs is one vector.
 */
import type { FunctionBuilder } from '../emit/assembler.ts';
import { fillRun } from '../emit/loops.ts';
import { I32, type Local } from '../emit/values.ts';
import type { Im2colView } from '../gemm/im2col-view.ts';

/** Rows and columns of a plane, from (top, left) on, that some windows read; what lies outside of it is zero. */
export interface PaddedPlane {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
  readonly strideX: number;
  /** Values that a row has for each remainder of the stride: a whole vector can be read from any of them. */
  readonly phaseWidth: number;
}

const spanOf = (taps: number, dilation: number): number => (taps - 1) * dilation;

/** The plane that windows on the same planes, of the same stride, read. */
export function paddedPlane(windows: readonly Im2colView[]): PaddedPlane {
  const least = (of: (w: Im2colView) => number) => Math.min(...windows.map(of));
  const most = (of: (w: Im2colView) => number) => Math.max(...windows.map(of));
  const { height, width, strideX } = windows[0];
  const top = least((w) => w.originY + Math.min(0, spanOf(w.tapsY, w.dilationY)));
  const left = least((w) => w.originX + Math.min(0, spanOf(w.tapsX, w.dilationX)));
  const lastRow = (w: Im2colView) =>
    (w.gridHeight - 1) * w.strideY + w.originY + Math.max(0, spanOf(w.tapsY, w.dilationY));
  const lastTap = (w: Im2colView) => w.originX + Math.max(0, spanOf(w.tapsX, w.dilationX));
  return {
    height,
    width,
    top,
    left,
    rows: most(lastRow) + 1 - top,
    columns: most((w) => (w.gridWidth - 1) * strideX + lastTap(w)) + 1 - left,
    strideX,
    phaseWidth: most((w) => 4 * Math.ceil(w.gridWidth / 4) + Math.floor((lastTap(w) - left) / strideX)),
  };
}

export const rowBytes = (plane: PaddedPlane): number => plane.strideX * plane.phaseWidth * 4;
export const planeBytes = (plane: PaddedPlane): number => plane.rows * rowBytes(plane);

/** A column's offset in its row, in bytes. */
const columnBytes = ({ strideX, phaseWidth }: PaddedPlane, column: number): number =>
  ((column % strideX) * phaseWidth + Math.floor(column / strideX)) * 4;

/** Fills `planes` planes with zeros; those around the copied values stay when planes are copied in. */
export const emitZeroPlanes = (f: FunctionBuilder, plane: PaddedPlane, target: I32, planes: number): void =>
  fillRun(f, f.i32(target), I32.const((planes * planeBytes(plane)) / 4), 0);

/** Copies the part of the plane at `source` that the windows read. */
export function emitCopyPlane(f: FunctionBuilder, plane: PaddedPlane, source: I32, target: I32): void {
  const firstRow = Math.max(0, plane.top);
  const rows = Math.min(plane.height, plane.top + plane.rows) - firstRow;
  const firstColumn = Math.max(0, plane.left);
  const columns = Math.min(plane.width, plane.left + plane.columns) - firstColumn;
  if (rows <= 0 || columns <= 0) return;
  const from = f.i32(source.add((firstRow * plane.width + firstColumn) * 4));
  const to = f.i32(target.add((firstRow - plane.top) * rowBytes(plane)));
  f.repeat(I32.const(rows), () => {
    emitCopyRow(f, plane, from, to, firstColumn - plane.left, columns);
    from.set(from.add(plane.width * 4));
    to.set(to.add(rowBytes(plane)));
  });
}

/** Copies a row to its columns from `first` on: by vectors, the last of them overlapping, or one by one. */
function emitCopyRow(
  f: FunctionBuilder,
  plane: PaddedPlane,
  from: I32,
  to: I32,
  first: number,
  columns: number,
): void {
  const { strideX } = plane;
  const byVectors = strideX <= 2 && columns >= 4 * strideX;
  const lanes = byVectors ? 4 : 1;
  const [source, target] = [f.i32(from), f.i32(to)];
  const values = f.v128();
  /** Moves `count` runs of `lanes` values that lie a stride apart. */
  const move = (source: I32, target: I32, column: number, count: number) => {
    for (let phase = 0; phase < count; phase++) {
      const offset = columnBytes(plane, first + column + phase);
      if (!byVectors) {
        f.store(target, source.f32((column + phase) * 4), offset);
      } else if (strideX === 1) {
        f.store(target, source.v128(column * 4), offset);
      } else {
        values.set(source.v128(column * 4));
        f.store(
          target,
          values.shuffle(source.v128(column * 4 + 16), phase ? [1, 3, 5, 7] : [0, 2, 4, 6]),
          offset,
        );
      }
    }
  };
  const step = lanes * strideX;
  const rest = columns % step;
  f.repeat(I32.const(Math.floor(columns / step)), () => {
    move(source, target, 0, strideX);
    source.set(source.add(step * 4));
    target.set(target.add(lanes * 4));
  });
  if (rest) move(from, to, byVectors ? columns - step : columns - rest, byVectors ? strideX : rest);
}

/** A vector that is read from the padded plane: its offset in bytes from the first output's, and the taps that use it. */
export interface Read {
  readonly offset: number;
  readonly uses: readonly { readonly row: number; readonly tap: number }[];
}

/** What `rows` rows of outputs read, tap rows [firstTap, endTap), in the order of memory. Taps are numbered row by row. */
export function readsOf(
  plane: PaddedPlane,
  w: Im2colView,
  rows: number,
  [firstTap, endTap]: readonly [number, number] = [0, w.tapsY],
): Read[] {
  const reads = new Map<number, { row: number; tap: number }[]>();
  for (let tapY = firstTap; tapY < endTap; tapY++) {
    for (let tapX = 0; tapX < w.tapsX; tapX++) {
      for (let row = 0; row < rows; row++) {
        const y = row * w.strideY + w.originY + tapY * w.dilationY - plane.top;
        const offset = y * rowBytes(plane) + columnBytes(plane, w.originX + tapX * w.dilationX - plane.left);
        const uses = reads.get(offset) ?? [];
        reads.set(offset, [...uses, { row, tap: tapY * w.tapsX + tapX }]);
      }
    }
  }
  return [...reads].sort(([a], [b]) => a - b).map(([offset, uses]) => ({ offset, uses }));
}

/** Rows of outputs that are worked on together: a vector that is read serves all of them. */
export const ROWS = 4;

/** Visits the rows of a grid by fours, then the rest. */
export function eachRows(
  f: FunctionBuilder,
  height: number,
  visit: (row: Local<I32>, rows: number) => void,
): void {
  const row = f.i32(0);
  const whole = height - (height % ROWS);
  f.for(0, whole, () => visit(row, ROWS), ROWS, row);
  if (whole < height) visit(row, height - whole);
}
