import type { ReduceOp, Storage } from '../primitives.ts';
import { defineKernel, type KernelContext } from './emit/kernel.ts';
import { offsetOf, sumRun } from './emit/loops.ts';
import type { F32, I32, Local, V128 } from './emit/values.ts';
import type { Family, Launcher, Machine } from './machine.ts';
import { CHUNK, chunks, namedAxes, product, rowMajor, TASKS_PER_THREAD } from './tasks.ts';

const sizeName = (axis: number) => `n${axis}`;
const strideName = (axis: number) => `s${axis}`;

/** Rows after which a column's float32 partial sum goes into the next level's. */
const COLUMN_BLOCK = 64;

interface Space {
  readonly x: I32;
  readonly out: Local<I32>;
  /** The number of elements of the reduced axes without the innermost, and the offset of element r. */
  readonly turns: I32;
  readonly offset: (turn: I32) => I32;
}

/**
 * out[o] = op over the reduced axes of x. Axes alternate, `lastReduced` tells of the innermost one; `turns` is the
 * product of the reduced axes without an innermost reduced one. A task does `itemsPerTask` of `total`: outputs where the
 * innermost axis is reduced, and else (outer kept index, four columns).
 */
export function reduceKernel(op: ReduceOp, rank: number, lastReduced: boolean) {
  const params: Record<string, 'i32'> = {
    x: 'i32',
    out: 'i32',
    total: 'i32',
    itemsPerTask: 'i32',
    turns: 'i32',
  };
  for (let axis = 0; axis < rank; axis++) {
    params[sizeName(axis)] = 'i32';
    params[strideName(axis)] = 'i32';
  }
  const isReduced = (axis: number) => lastReduced === ((rank - 1 - axis) % 2 === 0);
  return defineKernel(`reduce ${op} ${rank} ${lastReduced}`, params, (context) => {
    const { f, p, task } = context;
    const axes = Array.from({ length: rank }, (_, axis) => ({
      size: p[sizeName(axis)],
      stride: p[strideName(axis)],
      reduced: isReduced(axis),
    }));
    const outer = axes.slice(0, -1);
    const reduced = outer.filter((axis) => axis.reduced);
    const kept = outer.filter((axis) => !axis.reduced);
    const inner = p[sizeName(rank - 1)];
    const blocks = f.i32(inner.add(3).div(4));
    const out = f.i32();
    const start = f.i32(task.mul(p.itemsPerTask));
    f.for(start, start.add(p.itemsPerTask).min(p.total), (item) => {
      const offset = (turn: I32) => offsetOf(f, turn, reduced);
      if (lastReduced) {
        const x = f.i32(p.x.add(offsetOf(f, item, kept).shl(2)));
        out.set(p.out.add(item.shl(2)));
        reduceRow(op, context, { x, out, turns: p.turns, offset }, inner);
      } else {
        const column = f.i32(item.rem(blocks).mul(4));
        const row = f.i32(item.div(blocks));
        const x = f.i32(p.x.add(offsetOf(f, row, kept).add(column).shl(2)));
        out.set(p.out.add(row.mul(inner).add(column).shl(2)));
        const left = f.i32(inner.sub(column).min(4));
        f.if(
          left.eq(4),
          () => reduceColumns(op, context, { x, out, turns: p.turns, offset }, true),
          () =>
            f.repeat(left, () => {
              reduceColumns(op, context, { x, out, turns: p.turns, offset }, false);
              x.set(x.add(4));
              out.set(out.add(4));
            }),
        );
      }
    });
  });
}

const START = { max: -Infinity, min: Infinity };

/** One output, from contiguous runs. */
function reduceRow(op: ReduceOp, { f }: Pick<KernelContext<never>, 'f'>, space: Space, length: I32): void {
  const pointer = f.i32();
  const eachRun = (body: (turn: Local<I32>) => void) =>
    f.for(0, space.turns, (turn) => {
      pointer.set(space.x.add(space.offset(turn).shl(2)));
      body(turn);
    });
  if (op === 'sum') {
    const total = f.f64(0);
    eachRun(() => sumRun(f, length, [pointer], [total], ([x]) => [x]));
    f.store(space.out, total.toF32());
  } else if (op === 'argmax') {
    const arg = argmax(f);
    eachRun((turn) =>
      f.for(0, length, (i) => {
        arg.see(pointer.f32(), turn.mul(length).add(i));
        pointer.set(pointer.add(4));
      }),
    );
    f.store(space.out, arg.index.toF32());
  } else {
    const best = f.v128(START[op]);
    eachRun(() => {
      const left = f.i32(length);
      f.while(left.ge(4), () => {
        best.set(best[op](pointer.v128()));
        pointer.set(pointer.add(16));
        left.set(left.sub(4));
      });
      f.while(left.gt(0), () => {
        best.set(best[op](pointer.splat32()));
        pointer.set(pointer.add(4));
        left.set(left.sub(1));
      });
    });
    best.set(best[op](best.shuffle(best, [2, 3, 0, 1])));
    best.set(best[op](best.shuffle(best, [1, 0, 3, 2])));
    f.storeLane(space.out, best, 0);
  }
}

/** Four neighbouring outputs, or one. */
function reduceColumns(
  op: ReduceOp,
  { f }: Pick<KernelContext<never>, 'f'>,
  space: Space,
  four: boolean,
): void {
  const address = (turn: I32) => space.x.add(space.offset(turn).shl(2));
  const load = (turn: I32) => (four ? address(turn).v128() : address(turn).splat32());
  const write = (result: V128) => (four ? f.store(space.out, result) : f.storeLane(space.out, result, 0));
  if (op === 'argmax') {
    for (let lane = 0; lane < (four ? 4 : 1); lane++) {
      const arg = argmax(f);
      f.for(0, space.turns, (turn) => arg.see(address(turn).f32(lane * 4), turn));
      f.store(space.out, arg.index.toF32(), lane * 4);
    }
  } else if (op === 'sum') {
    const total = f.v128(0);
    f.for(
      0,
      space.turns,
      (first) => {
        const sum = f.v128(0);
        f.for(first, first.add(COLUMN_BLOCK).min(space.turns), (turn) => sum.set(sum.add(load(turn))));
        total.set(total.add(sum));
      },
      COLUMN_BLOCK,
    );
    write(total);
  } else {
    const best = f.v128(START[op]);
    f.for(0, space.turns, (turn) => best.set(best[op](load(turn))));
    write(best);
  }
}

/** The index of the first maximum seen; a NaN beats every number. */
function argmax(f: KernelContext<never>['f']): { index: Local<I32>; see(value: F32, index: I32): void } {
  const best = f.f32(-Infinity);
  const index = f.i32(0);
  const candidate = f.f32();
  return {
    index,
    see(value, position) {
      candidate.set(value);
      const wins = candidate.gt(best).or(candidate.ne(candidate).and(best.eq(best)));
      f.if(wins, () => {
        best.set(candidate);
        index.set(position);
      });
    },
  };
}

export function reduction<S extends Storage>({
  launcher,
  allocate,
  addressOf,
}: Machine<S>): Family<S, 'reduce'> {
  return {
    reduce(op, x, { shape, reduced }) {
      const keptSize = product(shape.filter((_, axis) => !reduced[axis]));
      const out = allocate(keptSize);
      const sizes = shape.length ? shape : [1];
      const lastReduced = reduced[shape.length - 1] ?? true;
      const inner = sizes[sizes.length - 1];
      const total = lastReduced ? keptSize : (keptSize / inner) * Math.ceil(inner / 4);
      const { tasks, chunk } = chunks(total, Math.max(1, Math.floor((CHUNK * total) / x.length)), 1);
      launcher.launch(reduceKernel(op, sizes.length, lastReduced), tasks, {
        x: addressOf(x),
        out: addressOf(out),
        total,
        itemsPerTask: chunk,
        turns: product(shape) / keptSize / (lastReduced ? inner : 1),
        ...namedAxes(sizeName, sizes),
        ...namedAxes(strideName, rowMajor(sizes)),
      });
      return out;
    },
  };
}

/** out[j] = sum over i of x[i, j], x: `[rows, columns]`; x and out are addresses. */
export function launchSumRows(
  launcher: Launcher,
  x: number,
  out: number,
  [rows, columns]: readonly [number, number],
): void {
  const total = Math.ceil(columns / 4);
  const itemsPerTask = Math.ceil(total / Math.min(total, launcher.threads * TASKS_PER_THREAD));
  launcher.launch(reduceKernel('sum', 2, false), Math.ceil(total / itemsPerTask), {
    x,
    out,
    total,
    itemsPerTask,
    turns: rows,
    ...namedAxes(sizeName, [rows, columns]),
    ...namedAxes(strideName, [columns, 1]),
  });
}
