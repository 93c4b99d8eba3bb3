/**
 * The micro-kernel under every matrix product. All other code only brings operands into their packed order.
 *
 * C[rows, columns] (+)= A B with A packed `[k][rows]` and B packed `[k][columns]`: each step broadcasts a value of A
 * against the vectors of a row of B. Tile shapes are those that keep V8's register allocator from spilling, by
 * measurement.
 */
import { ModuleBuilder } from '../emit/assembler.ts';
import type { Target } from '../emit/kernel.ts';
import type { V128 } from '../emit/values.ts';

export interface TileShape {
  /** Rows of A and columns of B (a multiple of 4) of a tile. */
  readonly rows: number;
  readonly columns: number;
}

export const tileShape = ({ fused, wide }: Target): TileShape => ({
  rows: fused ? 6 : 4,
  columns: wide ? 16 : 8,
});

/** Exports `tile(a, b, c, rowBytes, k, accumulate)`: c is the tile's first value, its rows are rowBytes apart. */
export function microModule(target: Target, shape = tileShape(target)): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder(target.shared);
  m.export('tile', tileFunction(m, target, shape));
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
