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
import type { I32, Local, V128 } from './values.ts';

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
    ? { rows: 6, columns: 16, dotRows: 4, dotColumns: 3, dotLanes: 8 }
    : { rows: 4, columns: 8, dotRows: 4, dotColumns: 2, dotLanes: 4 };

/**
 * Exports
 * `tile(a, b, c, rowBytes, k, accumulate)`: c is the tile's first value, its rows are rowBytes apart;
 * `dot(a, b, c, steps)`: writes the `[dotRows, dotColumns]` sums to c, in row-major order.
 */
export function microModule(target: Target, shape = tileShape(target)): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder(target.shared);
  const grid = <T>(rows: number, columns: number, make: (row: number, column: number) => T): T[][] =>
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (_, column) => make(row, column)),
    );

  const tile = m.function(
    ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    null,
    (f, a, b, c, rowBytes, k, accumulate) => {
      const vectors = shape.columns / 4;
      const sums = grid(shape.rows, vectors, () => f.v128());
      const bs = Array.from({ length: vectors }, () => f.v128());
      const step = (turn: number) => {
        bs.forEach((vector, j) => {
          vector.set(b.v128((turn * vectors + j) * 16));
        });
        const value = f.v128();
        sums.forEach((row, i) => {
          value.set(a.splat32((turn * shape.rows + i) * 4));
          row.forEach((sum, j) => {
            sum.set(value.madd(bs[j], sum, target.fused));
          });
        });
      };
      const advance = (turns: number) => {
        a.set(a.add(turns * shape.rows * 4));
        b.set(b.add(turns * shape.columns * 4));
        k.set(k.sub(turns));
      };
      f.while(k.ge(UNROLL), () => {
        for (let turn = 0; turn < UNROLL; turn++) step(turn);
        advance(UNROLL);
      });
      f.while(k.gt(0), () => {
        step(0);
        advance(1);
      });
      const write = (result: (sum: V128, at: I32, offset: number) => V128) => {
        sums.forEach((row, i) => {
          row.forEach((sum, j) => {
            f.store(c, result(sum, c, j * 16), j * 16);
          });
          if (i < sums.length - 1) c.set(c.add(rowBytes));
        });
      };
      f.if(
        accumulate,
        () => write((sum, at, offset) => at.v128(offset).add(sum)),
        () => write((sum) => sum),
      );
    },
  );
  m.export('tile', tile);

  const { dotRows, dotColumns, dotLanes } = shape;
  const vectors = dotLanes / 4;
  const dot = m.function(['i32', 'i32', 'i32', 'i32'], null, (f, a, b, c, steps) => {
    const sums = grid(dotRows, dotColumns, () => Array.from({ length: vectors }, () => f.v128()));
    const bs = grid(dotColumns, vectors, () => f.v128());
    const row: Local<V128>[] = Array.from({ length: vectors }, () => f.v128());
    const step = (turn: number) => {
      bs.forEach((values, j) => {
        values.forEach((vector, v) => {
          vector.set(b.v128(((turn * dotColumns + j) * vectors + v) * 16));
        });
      });
      sums.forEach((columns, i) => {
        row.forEach((vector, v) => {
          vector.set(a.v128(((turn * dotRows + i) * vectors + v) * 16));
        });
        columns.forEach((lanes, j) => {
          lanes.forEach((sum, v) => {
            sum.set(row[v].madd(bs[j][v], sum, target.fused));
          });
        });
      });
    };
    const advance = (turns: number) => {
      a.set(a.add(turns * dotRows * dotLanes * 4));
      b.set(b.add(turns * dotColumns * dotLanes * 4));
      steps.set(steps.sub(turns));
    };
    f.while(steps.ge(UNROLL), () => {
      for (let turn = 0; turn < UNROLL; turn++) step(turn);
      advance(UNROLL);
    });
    f.while(steps.gt(0), () => {
      step(0);
      advance(1);
    });
    sums.forEach((columns, i) => {
      columns.forEach((lanes, j) => {
        const sum = f.v128(lanes.reduce<V128>((total, lane, v) => (v ? total.add(lane) : lane), lanes[0]));
        sum.set(sum.add(sum.shuffle(sum, [2, 3, 0, 1])));
        sum.set(sum.add(sum.shuffle(sum, [1, 0, 3, 2])));
        f.storeLane(c, sum, 0, (i * dotColumns + j) * 4);
      });
    });
  });
  m.export('dot', dot);
  return m.finish();
}

const UNROLL = 4;
