/** Loops that several kernels share: vector maps and accurate sums over one contiguous run. */
import type { FunctionBuilder } from './assembler.ts';
import { type F64, type I32, type Local, V128 } from './values.ts';

/** Runs `body` for each of the operands' vectors, then for single values; the pointers end behind the run. */
export function mapRun(
  f: FunctionBuilder,
  length: I32,
  inputs: readonly Local<I32>[],
  output: Local<I32>,
  body: (vectors: readonly Local<V128>[]) => V128,
): void {
  const left = f.i32(length);
  const advance = (count: number) => {
    for (const pointer of [...inputs, output]) pointer.set(pointer.add(count * 4));
    left.set(left.sub(count));
  };
  f.while(left.ge(8), () => {
    const vectors = [0, 16].map((offset) => inputs.map((pointer) => f.v128(pointer.v128(offset))));
    vectors.forEach((operands, i) => {
      f.store(output, body(operands), i * 16);
    });
    advance(8);
  });
  f.while(left.ge(4), () => {
    const operands = inputs.map((pointer) => f.v128(pointer.v128()));
    f.store(output, body(operands));
    advance(4);
  });
  f.while(left.gt(0), () => {
    const operands = inputs.map((pointer) => f.v128(pointer.splat32()));
    f.storeLane(output, body(operands), 0);
    advance(1);
  });
}

/** Values after which a float32 partial sum goes into the float64 total. */
const SUM_BLOCK = 2048;
const WAYS = 4;

/** Adds the sums of `terms` over a run to `totals`; the pointers end behind the run. */
export function sumRun(
  f: FunctionBuilder,
  length: I32,
  inputs: readonly Local<I32>[],
  totals: readonly Local<F64>[],
  terms: (vectors: readonly Local<V128>[]) => readonly V128[],
): void {
  const left = f.i32(length);
  const block = f.i32();
  const sums = Array.from({ length: WAYS }, () => totals.map(() => f.v128()));
  const advance = (count: number) => {
    for (const pointer of inputs) pointer.set(pointer.add(count * 4));
  };
  const clear = () => {
    for (const sum of sums.flat()) sum.set(0);
  };
  const flush = () => {
    totals.forEach((total, t) => {
      const [a, b, c, d] = sums.map((way) => way[t]);
      a.set(a.add(b).add(c.add(d)));
      a.set(a.add(a.shuffle(a, [2, 3, 0, 1])));
      total.set(total.add(a.lane(0).toF64()).add(a.lane(1).toF64()));
    });
  };
  f.while(left.ge(4), () => {
    block.set(left.min(SUM_BLOCK));
    left.set(left.sub(block).add(block.and(3)));
    clear();
    f.while(block.ge(4 * WAYS), () => {
      sums.forEach((way, w) => {
        const vectors = inputs.map((pointer) => f.v128(pointer.v128(w * 16)));
        terms(vectors).forEach((term, t) => {
          way[t].set(way[t].add(term));
        });
      });
      advance(4 * WAYS);
      block.set(block.sub(4 * WAYS));
    });
    f.while(block.ge(4), () => {
      const vectors = inputs.map((pointer) => f.v128(pointer.v128()));
      terms(vectors).forEach((term, t) => {
        sums[0][t].set(sums[0][t].add(term));
      });
      advance(4);
      block.set(block.sub(4));
    });
    flush();
  });
  f.while(left.gt(0), () => {
    const vectors = inputs.map((pointer) => f.v128(pointer.splat32()));
    terms(vectors).forEach((term, t) => {
      totals[t].set(totals[t].add(term.lane(0).toF64()));
    });
    advance(1);
    left.set(left.sub(1));
  });
}

/** Sets `count` float32 from `pointer` on to one value; the pointer ends behind them. */
export function fillRun(f: FunctionBuilder, pointer: Local<I32>, count: I32, value: number): void {
  const left = f.i32(count);
  f.while(left.ge(4), () => {
    f.store(pointer, V128.const(value));
    pointer.set(pointer.add(16));
    left.set(left.sub(4));
  });
  f.while(left.gt(0), () => {
    f.storeLane(pointer, V128.const(value), 0);
    pointer.set(pointer.add(4));
    left.set(left.sub(1));
  });
}

/** Adds the offset of element `index` of `axes` (outermost first) in row-major order; strides are in elements. */
export function offsetOf(
  f: FunctionBuilder,
  index: I32,
  axes: readonly { size: I32; stride: I32 }[],
): Local<I32> {
  const rest = f.i32(index);
  const offset = f.i32(0);
  for (const { size, stride } of [...axes].reverse()) {
    offset.set(offset.add(rest.rem(size).mul(stride)));
    rest.set(rest.div(size));
  }
  return offset;
}
