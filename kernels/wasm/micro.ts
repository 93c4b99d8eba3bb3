/**
 * The micro-kernels under every matrix product. All other code only brings operands into their packed order.
 *
 * `tile` is the outer-product form: C[rows, columns] (+)= A B with A packed `[k][rows]` and B packed `[k][columns]`;
 * each step broadcasts a value of A against the vectors of a row of B.
 * `dot` is the inner-product form: C[i, j] = sum over k of A[i, k] B[j, k], with A packed `[k / lanes][rows][lanes]`
 * and B likewise: each lane sums its own share of k, and the lanes are summed at the end.
 *
 * Tile shapes are those that keep V8's register allocator from spilling, by measurement.
 */
import { ModuleBuilder } from './assembler.ts';
import type { Target } from './kernel.ts';
import type { V128 } from './values.ts';

export interface TileShape {
  /** Rows of A and columns of B (a multiple of 4) of a `tile`. */
  readonly rows: number;
  readonly columns: number;
  /** Rows of A and of B of a `dot`, and the values of k that a step takes: 4 or 8. */
  readonly dotRows: number;
  readonly dotColumns: number;
  readonly dotLanes: number;
}

export const tileShape = (target: Target): TileShape =>
  target.wide
    ? { rows: 6, columns: 16, dotRows: 6, dotColumns: 2, dotLanes: 8 }
    : { rows: 4, columns: 8, dotRows: 4, dotColumns: 2, dotLanes: 4 };

/**
 * Exports
 * `tile(a, b, c, rowBytes, k, accumulate)`: c is the tile's first value, its rows are rowBytes apart;
 * `dot(a, b, c, steps)`: writes the `[dotRows, dotColumns]` sums to c, in row-major order, and uses dotLanes times
 * as much room.
 */
export function microModule(target: Target, shape = tileShape(target)): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder(target.shared);
  m.export('tile', tileFunction(m, target, shape));
  m.export('dot', dotFunction(m, target, shape));
  return m.finish();
}

const grid = <T>(rows: number, columns: number, make: (row: number, column: number) => T): T[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => make(row, column)));

/** The loops are not unrolled: V8 would hoist the loads of all turns and spill their registers. */
const tileFunction = (m: ModuleBuilder, target: Target, shape: TileShape) =>
  m.function(['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], null, (f, a, b, c, rowBytes, k, accumulate) => {
    const vectors = shape.columns / 4;
    const sums = grid(shape.rows, vectors, () => f.v128());
    const bs = Array.from({ length: vectors }, () => f.v128());
    const value = f.v128();
    f.repeat(k, () => {
      bs.forEach((vector, j) => {
        vector.set(b.v128(j * 16));
      });
      sums.forEach((row, i) => {
        value.set(a.splat32(i * 4));
        row.forEach((sum, j) => {
          sum.set(value.madd(bs[j], sum, target.fused));
        });
      });
      a.set(a.add(shape.rows * 4));
      b.set(b.add(shape.columns * 4));
    });
    const write = (result: (sum: V128, offset: number) => V128) => {
      sums.forEach((row, i) => {
        row.forEach((sum, j) => {
          f.store(c, result(sum, j * 16), j * 16);
        });
        if (i < sums.length - 1) c.set(c.add(rowBytes));
      });
    };
    f.if(
      accumulate,
      () => write((sum, offset) => c.v128(offset).add(sum)),
      () => write((sum) => sum),
    );
  });

/** Sums the lanes from memory: the revectoriser grows its pairs from neighbouring stores. */
function dotFunction(m: ModuleBuilder, target: Target, shape: TileShape) {
  const { dotRows, dotColumns, dotLanes } = shape;
  const vectors = dotLanes / 4;
  const place = (i: number, j: number, v: number) => ((i * dotColumns + j) * vectors + v) * 16;
  const lanes = m.function(['i32', 'i32', 'i32', 'i32'], null, (f, a, b, c, steps) => {
    const sums = grid(dotRows, dotColumns, () => Array.from({ length: vectors }, () => f.v128()));
    const bs = grid(dotColumns, vectors, () => f.v128());
    const row = Array.from({ length: vectors }, () => f.v128());
    f.repeat(steps, () => {
      bs.flat().forEach((vector, i) => {
        vector.set(b.v128(i * 16));
      });
      sums.forEach((columns, i) => {
        row.forEach((vector, v) => {
          vector.set(a.v128((i * vectors + v) * 16));
        });
        columns.forEach((pair, j) => {
          pair.forEach((sum, v) => {
            sum.set(row[v].madd(bs[j][v], sum, target.fused));
          });
        });
      });
      a.set(a.add(dotRows * dotLanes * 4));
      b.set(b.add(dotColumns * dotLanes * 4));
    });
    sums.forEach((columns, i) => {
      columns.forEach((pair, j) => {
        pair.forEach((sum, v) => {
          f.store(c, sum, place(i, j, v));
        });
      });
    });
  });
  return m.function(['i32', 'i32', 'i32', 'i32'], null, (f, a, b, c, steps) => {
    f.call(lanes, a, b, c, steps);
    const sum = f.v128();
    grid(dotRows, dotColumns, (i, j) => {
      sum.set(c.v128(place(i, j, 0)));
      for (let v = 1; v < vectors; v++) sum.set(sum.add(c.v128(place(i, j, v))));
      sum.set(sum.add(sum.shuffle(sum, [2, 3, 0, 1])));
      f.storeLane(c, sum.add(sum.shuffle(sum, [1, 0, 3, 2])), 0, (i * dotColumns + j) * 4);
    });
  });
}
