/**
 * The packed, cache-blocked matrix product under matmul, conv2d and its input gradient (after Goto & van de Geijn,
 * "Anatomy of High-Performance Matrix Multiplication", 2008): C[m, j] = sum over k of A[m, k] B[k, j].
 * A is packed beforehand; each task packs a block of B's columns, straight from the tensor, into its thread's scratch.
 */

import { defineKernel } from '../emit/kernel.ts';
import { I32, type V128 } from '../emit/values.ts';
import { applyEpilogueRun, type EpilogueForm, hasEpilogue } from '../epilogue.ts';
import { type Im2colView, keyOf, tapsOf } from './im2col-view.ts';
import type { TileShape } from './micro-kernel.ts';
import { packTransposed, packView } from './pack.ts';

/** Where C's value (m, column) goes: planes of `height` by `width`, of which the grid's positions are a lattice. */
export interface OutputPlanes {
  readonly height: number;
  readonly width: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly originY: number;
  readonly originX: number;
  readonly imageStride: number;
}

export type ColumnSource =
  | { readonly kind: 'view'; readonly view: Im2colView }
  /** B is stored transposed, `[columns, k]`. */
  | { readonly kind: 'transposed' };

export interface Gemm {
  readonly rows: number;
  /** k counts channels of the source and, within each, the view's taps. */
  readonly channels: number;
  /** Channels of one block of k. */
  readonly block: number;
  readonly source: ColumnSource;
  readonly output: OutputPlanes;
  /** Positions of an image: columns / images. */
  readonly grid: { readonly height: number; readonly width: number };
  /** Empty unless the grid covers every position of the output planes, in order. */
  readonly epilogue: EpilogueForm;
}

const PARAMS = {
  a: 'i32',
  b: 'i32',
  bias: 'i32',
  /** Bytes from an output to what is added to it. */
  residual: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  columns: 'i32',
  taskColumns: 'i32',
  columnTasks: 'i32',
  taskRows: 'i32',
  rowTasks: 'i32',
  groupA: 'i32',
  groupB: 'i32',
  groupOut: 'i32',
} as const;

const tapsOfGemm = (gemm: Gemm): number => (gemm.source.kind === 'view' ? tapsOf(gemm.source.view) : 1);

export const gemmK = (gemm: Gemm): number => gemm.channels * tapsOfGemm(gemm);

/** Bytes of a thread's scratch: a tile, a table of column offsets, and the packed columns of one task. */
export const gemmScratchBytes = (gemm: Gemm, shape: TileShape, taskColumns: number): number =>
  tableBytes(shape) + (taskColumns + shape.columns) * gemm.block * tapsOfGemm(gemm) * 4;

const tileBytes = (shape: TileShape): number => Math.ceil((shape.rows * shape.columns * 4) / 64) * 64;
const tableBytes = (shape: TileShape): number => tileBytes(shape) + 64 * Math.ceil(shape.columns / 16);

/** Rows of A that stay in the second-level cache while the columns pass. */
const ROW_BLOCK_BYTES = 256 * 1024;

/**
 * Task = (group * rowTasks + row task) * columnTasks + column task. Group strides are in values, but of A in packed
 * values; taskColumns and taskRows are multiples of the tile's.
 */
export const gemmKernel = (gemm: Gemm, shape: TileShape) => {
  const key = `gemm ${gemm.rows} ${gemm.channels} ${gemm.block} ${keyOf(gemm.epilogue)} ${keyOf(gemm.grid)} / ${
    gemm.source.kind === 'view' ? keyOf(gemm.source.view) : 'transposed'
  } / ${keyOf(gemm.output)} / ${keyOf(shape)}`;
  return defineKernel(key, PARAMS, ({ f, p, task, thread, imports }) => {
    const taps = tapsOfGemm(gemm);
    const depth = gemmK(gemm);
    const { output, grid, epilogue } = gemm;
    const planeBytes = output.height * output.width * 4;
    const positions = grid.height * grid.width;
    const inOrder =
      output.strideY === 1 && output.strideX === 1 && positions === output.height * output.width;
    if (hasEpilogue(epilogue) && !inOrder)
      throw new Error(`${key}: an epilogue needs every position of the output, in order`);

    const split = f.i32(task.div(p.columnTasks));
    const group = f.i32(split.div(p.rowTasks));
    const firstColumn = f.i32(task.rem(p.columnTasks).mul(p.taskColumns));
    const endColumn = f.i32(firstColumn.add(p.taskColumns).min(p.columns));
    const firstRow = f.i32(split.rem(p.rowTasks).mul(p.taskRows));
    const endRow = f.i32(firstRow.add(p.taskRows).min(gemm.rows));
    const a = f.i32(p.a.add(group.mul(p.groupA).shl(2)));
    const b = f.i32(p.b.add(group.mul(p.groupB).shl(2)));
    const out = f.i32(p.out.add(group.mul(p.groupOut).shl(2)));
    const bias = f.i32(epilogue.bias === 'row' ? p.bias.add(group.mul(gemm.rows * 4)) : p.bias);

    const tile = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
    const table = f.i32(tile.add(tileBytes(shape)));
    const packed = f.i32(tile.add(tableBytes(shape)));
    const [panel, k, left, columnAddress, panelA, address, from] = Array.from({ length: 7 }, () => f.i32());
    const [direct, accumulate] = [f.i32(), f.i32()];

    /** Writes the byte offsets of a panel's columns in C to the table. */
    const fillTable = (column: I32) => {
      const [gy, gx, image] = [f.i32(), f.i32(), f.i32()];
      const position = f.i32(column.rem(positions));
      image.set(column.div(positions).mul(output.imageStride * 4));
      gy.set(position.div(grid.width));
      gx.set(position.rem(grid.width));
      for (let j = 0; j < shape.columns; j++) {
        const y = gy.mul(output.strideY).add(output.originY);
        const x = gx.mul(output.strideX).add(output.originX);
        f.store(table, image.add(y.mul(output.width).add(x).shl(2)), j * 4);
        gx.set(gx.add(1));
        f.if(gx.eq(grid.width), () => {
          gx.set(0);
          gy.set(gy.add(1));
          f.if(gy.eq(grid.height), () => {
            gy.set(0);
            image.set(image.add(output.imageStride * 4));
          });
        });
      }
    };
    /** Writes the values of a tile that lacks columns, one by one. */
    const scatterValues = (row: I32) =>
      f.for(0, endRow.sub(row).min(shape.rows), (i) =>
        f.for(0, left, (j) => {
          address.set(out.add(row.add(i).mul(planeBytes)).add(table.add(j.shl(2)).i32()));
          const value = tile.add(i.mul(shape.columns).add(j).shl(2)).f32();
          f.store(address, accumulate.select(address.f32().add(value), value));
        }),
      );
    /** Writes the rows of a tile that has all its columns, wherever these go. */
    const scatterRows = (row: I32) => {
      const rowOut = f.i32(out.add(row.mul(planeBytes)));
      const value = f.v128();
      from.set(tile);
      f.repeat(endRow.sub(row).min(shape.rows), () => {
        for (let j = 0; j < shape.columns; j += 4) {
          const addresses = [0, 1, 2, 3].map((lane) => f.i32(rowOut.add(table.i32((j + lane) * 4))));
          value.set(from.v128(j * 4));
          f.if(accumulate, () => {
            const [first, ...others] = addresses;
            const before = others.reduce<V128>(
              (vector, address, l) => address.lane32(vector, l + 1),
              first.splat32(),
            );
            value.set(value.add(before));
          });
          addresses.forEach((address, lane) => {
            f.storeLane(address, value, lane);
          });
        }
        from.set(from.add(shape.columns * 4));
        rowOut.set(rowOut.add(planeBytes));
      });
    };
    const computeTile = (row: I32) => {
      const target = f.i32(columnAddress.add(row.mul(planeBytes)));
      f.if(
        direct.and(row.add(shape.rows).le(endRow)),
        () => f.call(imports.tile, panelA, panel, target, planeBytes, k, accumulate),
        () => {
          f.call(imports.tile, panelA, panel, tile, shape.columns * 4, k, 0);
          f.if(
            direct,
            () => {
              from.set(tile);
              f.repeat(endRow.sub(row), () => {
                for (let offset = 0; offset < shape.columns * 4; offset += 16) {
                  const value = from.v128(offset);
                  f.store(target, accumulate.select(target.v128(offset).add(value), value), offset);
                }
                from.set(from.add(shape.columns * 4));
                target.set(target.add(planeBytes));
              });
            },
            () =>
              f.if(
                left.eq(shape.columns),
                () => scatterRows(row),
                () => scatterValues(row),
              ),
          );
        },
      );
    };

    /** Applies the epilogue to the rows of a block, whose columns may lie in several images. */
    const applyEpilogueRows = (blockRow: I32, blockEnd: I32) => {
      const column = f.i32(firstColumn);
      f.while(column.lt(endColumn), () => {
        const position = f.i32(column.rem(positions));
        const count = f.i32(endColumn.sub(column).min(I32.const(positions).sub(position)));
        const run = f.i32(out.add(column.div(positions).mul(output.imageStride * 4)).add(position.shl(2)));
        f.for(blockRow, blockEnd, (row) => {
          const from = f.i32(run.add(row.mul(planeBytes)));
          const index = epilogue.bias === 'row' ? row : column;
          applyEpilogueRun(f, epilogue, count, from, bias.add(index.shl(2)), p.residual);
        });
        column.set(column.add(count));
      });
    };

    f.for(
      0,
      gemm.channels,
      (channel) => {
        const channels = f.i32(I32.const(gemm.channels).sub(channel).min(gemm.block));
        k.set(channels.mul(taps));
        accumulate.set(channel.gt(0));
        panel.set(packed);
        f.for(
          firstColumn,
          endColumn,
          (column) => {
            if (gemm.source.kind === 'view') {
              const { view } = gemm.source;
              const plane = f.i32(b.add(channel.mul(view.height * view.width * 4)));
              packView(f, view, shape, plane, column, p.columns, channels, panel);
            } else packTransposed(f, shape, gemm.channels, b, column, p.columns, channel, channels, panel);
            panel.set(panel.add(k.mul(shape.columns * 4)));
          },
          shape.columns,
        );
        const blockRows =
          Math.max(1, Math.floor(ROW_BLOCK_BYTES / (gemm.block * taps * 4 * shape.rows))) * shape.rows;
        f.for(
          firstRow,
          endRow,
          (blockRow) => {
            const blockEnd = f.i32(blockRow.add(blockRows).min(endRow));
            panel.set(packed);
            f.for(
              firstColumn,
              endColumn,
              (column) => {
                left.set(endColumn.sub(column).min(shape.columns));
                const position = f.i32(column.rem(positions));
                direct.set(
                  inOrder ? position.add(shape.columns).le(positions).and(left.eq(shape.columns)) : 0,
                );
                columnAddress.set(
                  out.add(column.div(positions).mul(output.imageStride * 4)).add(position.shl(2)),
                );
                fillTable(column);
                panelA.set(
                  a.add(
                    blockRow
                      .mul(depth)
                      .add(channel.mul(taps * shape.rows))
                      .shl(2),
                  ),
                );
                f.for(
                  blockRow,
                  blockEnd,
                  (row) => {
                    computeTile(row);
                    panelA.set(panelA.add(depth * shape.rows * 4));
                  },
                  shape.rows,
                );
                panel.set(panel.add(k.mul(shape.columns * 4)));
              },
              shape.columns,
            );
            if (hasEpilogue(epilogue)) {
              f.if(channel.add(gemm.block).ge(gemm.channels), () => applyEpilogueRows(blockRow, blockEnd));
            }
          },
          blockRows,
        );
      },
      gemm.block,
    );
  });
};
