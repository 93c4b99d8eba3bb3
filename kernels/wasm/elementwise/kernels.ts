import type { BinaryOp, UnaryGradOp, UnaryOp } from '../../primitives.ts';
import type { FunctionBuilder } from '../emit/assembler.ts';
import { defineKernel, type Imports } from '../emit/kernel.ts';
import { exp, log, log1p, sigmoid, tanh } from '../emit/math.ts';
import { type I32, type Local, V128 } from '../emit/values.ts';

/** What an elementwise formula may use beside its operands. */
interface Context {
  readonly f: FunctionBuilder;
  readonly fused: boolean;
  readonly alpha: V128;
  readonly imports: Imports;
}
type Formula = (operands: readonly Local<V128>[], context: Context) => V128;

/** a^b lane by lane, through the host's float64 power. As in C, unlike in JavaScript, 1^b and (-1)^(±Infinity) are 1. */
function pow(a: V128, b: V128, { f, imports }: Context): V128 {
  const result = f.v128();
  for (let lane = 0; lane < 4; lane++) {
    const power = f.result(imports.pow, a.lane(lane).toF64(), b.lane(lane).toF64());
    result.set(result.withLane(lane, power.toF32()));
  }
  const isOne = a.eq(1).or(a.eq(-1).and(b.abs().eq(Infinity)));
  return isOne.choose(1, result);
}

const sign = (x: V128): V128 => x.gt(0).and(1).sub(x.lt(0).and(1));

type PlainUnary = Exclude<UnaryOp, 'powScalar'> | 'square' | 'power';

export const UNARY: Record<PlainUnary, Formula> = {
  abs: ([x]) => x.abs(),
  sign: ([x]) => sign(x),
  exp: ([x], { f, fused }) => exp(f, x, fused),
  log: ([x], { f, fused }) => log(f, x, fused),
  sqrt: ([x]) => x.sqrt(),
  reciprocal: ([x]) => V128.const(1).div(x),
  relu: ([x]) => x.relu(),
  leakyRelu: ([x], { alpha }) => x.gt(0).choose(x, x.mul(alpha)),
  sigmoid: ([x], { f, fused }) => sigmoid(f, x, fused),
  tanh: ([x], { f, fused }) => tanh(f, x, fused),
  softplus: ([x], { f, fused }) => x.relu().add(log1p(f, exp(f, x.abs().neg(), fused), fused)),
  addScalar: ([x], { alpha }) => x.add(alpha),
  mulScalar: ([x], { alpha }) => x.mul(alpha),
  maxScalar: ([x], { alpha }) => x.max(alpha),
  minScalar: ([x], { alpha }) => x.min(alpha),
  square: ([x]) => x.mul(x),
  power: ([x], context) => pow(x, context.alpha, context),
};

/** Operands are dy and what DERIVATIVE_FROM names. */
export const UNARY_GRAD: Record<UnaryGradOp | 'square', Formula> = {
  abs: ([dy, x]) => dy.mul(sign(x)),
  log: ([dy, x]) => dy.div(x),
  leakyRelu: ([dy, x], { alpha }) => x.gt(0).choose(dy, dy.mul(alpha)),
  softplus: ([dy, x], { f, fused }) => dy.mul(sigmoid(f, x, fused)),
  powScalar: ([dy, x], context) => dy.mul(context.alpha).mul(pow(x, context.alpha.sub(1), context)),
  square: ([dy, x]) => dy.mul(x.add(x)),
  maxScalar: ([dy, x], { alpha }) => dy.and(x.ge(alpha)),
  minScalar: ([dy, x], { alpha }) => dy.and(x.le(alpha)),
  exp: ([dy, y]) => dy.mul(y),
  sqrt: ([dy, y]) => dy.div(y.add(y)),
  reciprocal: ([dy, y]) => dy.mul(y.mul(y).neg()),
  relu: ([dy, y]) => dy.andNot(y.le(0)),
  sigmoid: ([dy, y]) => dy.mul(y.mul(V128.const(1).sub(y))),
  tanh: ([dy, y]) => dy.mul(V128.const(1).sub(y.mul(y))),
};

export const BINARY: Record<BinaryOp, Formula> = {
  add: ([a, b]) => a.add(b),
  sub: ([a, b]) => a.sub(b),
  mul: ([a, b]) => a.mul(b),
  div: ([a, b]) => a.div(b),
  pow: ([a, b], context) => pow(a, b, context),
  maximum: ([a, b]) => a.max(b),
  minimum: ([a, b]) => a.min(b),
  eq: ([a, b]) => a.eq(b).and(1),
  ne: ([a, b]) => a.ne(b).and(1),
  gt: ([a, b]) => a.gt(b).and(1),
  ge: ([a, b]) => a.ge(b).and(1),
  lt: ([a, b]) => a.lt(b).and(1),
  le: ([a, b]) => a.le(b).and(1),
};

export const WHERE: Formula = ([condition, a, b]) => condition.ne(0).choose(a, b);

/** Values of a cache line: a turn of a flat loop takes one line. */
export const LINE_VALUES = 16;

const FLAT_PARAMS = { out: 'i32', x0: 'i32', x1: 'i32', length: 'i32', chunk: 'i32', alpha: 'f32' } as const;

/**
 * out[i] = formula(x0[i], x1[i]) for operands of one shape. It works on whole cache lines: blocks of the heap end on
 * one, so the last turn may run past `length`. `chunk`, the values of a task, is a multiple of LINE_VALUES.
 */
export const flatKernel = (name: string, arity: 1 | 2, formula: Formula) =>
  defineKernel(`flat ${name}`, FLAT_PARAMS, ({ f, p, task, target, imports }) => {
    const start = f.i32(task.mul(p.chunk));
    const end = f.i32(start.add(p.chunk).min(p.length));
    const context = { f, fused: target.fused, alpha: f.v128(p.alpha.splat()), imports };
    const pointers = [p.x0, p.x1].slice(0, arity).map((x) => f.i32(x.add(start.shl(2))));
    const out = f.i32(p.out.add(start.shl(2)));
    f.for(
      start,
      end,
      () => {
        for (let vector = 0; vector < LINE_VALUES; vector += 4) {
          const operands = pointers.map((pointer) => f.v128(pointer.v128(vector * 4)));
          f.store(out, formula(operands, context), vector * 4);
        }
        for (const pointer of [...pointers, out]) pointer.set(pointer.add(LINE_VALUES * 4));
      },
      LINE_VALUES,
    );
  });

/** How an operand moves along the innermost axis. */
export type Step = 'same' | 'next' | 'far';
export const stepOf = (stride: number): Step => (stride === 0 ? 'same' : stride === 1 ? 'next' : 'far');

/** Names of an indexed kernel's argument for an axis of the shape, and for an operand's stride along it. */
export const sizeName = (axis: number) => `n${axis}`;
export const strideName = (operand: number, axis: number) => `s${operand}_${axis}`;

/**
 * The general form, with broadcasting: rows are the innermost axis, cut into `rowChunks` of `chunkLength` values; task t does
 * the items (row, chunk) from t * itemsPerTask on. Strides are in elements.
 */
export function indexedKernel(name: string, steps: readonly Step[], rank: number, formula: Formula) {
  const params: Record<string, 'i32'> = {
    out: 'i32',
    total: 'i32',
    itemsPerTask: 'i32',
    rowChunks: 'i32',
    chunkLength: 'i32',
  };
  for (let axis = 0; axis < rank; axis++) params[sizeName(axis)] = 'i32';
  steps.forEach((_, operand) => {
    params[`x${operand}`] = 'i32';
    for (let axis = 0; axis < rank; axis++) params[strideName(operand, axis)] = 'i32';
  });
  const last = rank - 1;
  return defineKernel(
    `indexed ${name} ${rank} ${steps.join()}`,
    params,
    ({ f, p, task, target, imports }) => {
      const context = { f, fused: target.fused, alpha: V128.const(0), imports };
      const row = f.i32();
      const rest = f.i32();
      const index = f.i32();
      const pointers = steps.map(() => f.i32());
      const jumps = steps.map((_, operand) => f.i32(p[strideName(operand, last)].shl(2)));
      const out = f.i32();
      const first = f.i32();
      const left = f.i32();
      const load = (whole: boolean) =>
        steps.map((step, o) => {
          const vector = whole && step === 'next' ? pointers[o].v128() : pointers[o].splat32();
          return f.v128(vector);
        });
      const advance = (count: number) => {
        steps.forEach((step, o) => {
          if (step === 'next') pointers[o].set(pointers[o].add(4 * count));
          if (step === 'far') pointers[o].set(pointers[o].add(jumps[o]));
        });
        out.set(out.add(4 * count));
        left.set(left.sub(count));
      };
      const start = f.i32(task.mul(p.itemsPerTask));
      f.for(start, start.add(p.itemsPerTask).min(p.total), (item) => {
        row.set(item.div(p.rowChunks));
        first.set(item.rem(p.rowChunks).mul(p.chunkLength));
        left.set(p[sizeName(last)].sub(first).min(p.chunkLength));
        out.set(p.out.add(row.mul(p[sizeName(last)]).add(first).shl(2)));
        steps.forEach((step, o) => {
          const base: I32 = p[`x${o}`];
          pointers[o].set(step === 'same' ? base : base.add(first.mul(jumps[o])));
        });
        rest.set(row);
        for (let axis = last - 1; axis >= 0; axis--) {
          index.set(rest.rem(p[sizeName(axis)]));
          rest.set(rest.div(p[sizeName(axis)]));
          steps.forEach((_, o) => {
            pointers[o].set(pointers[o].add(index.mul(p[strideName(o, axis)]).shl(2)));
          });
        }
        if (!steps.includes('far')) {
          f.while(left.ge(4), () => {
            f.store(out, formula(load(true), context));
            advance(4);
          });
        }
        f.while(left.gt(0), () => {
          f.storeLane(out, formula(load(false), context), 0);
          advance(1);
        });
      });
    },
  );
}
