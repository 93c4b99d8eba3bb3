import type { ReduceGeometry, ReduceOp, Storage } from '../primitives.ts';
import { type Family, type GpuMachine, product } from './machine.ts';
import { isNaNText, type Program } from './program/program.ts';

/** Longer sums go through partial sums: threads for a GPU, and an error that grows with the root of the length. */
const DIRECT = 256;

/** How many values each thread of the next pass takes: all, or about the root of them. */
function reduceChunk(size: number, outputs: number): number {
  return size <= DIRECT || (outputs >= 16384 && size <= 2048) ? size : Math.ceil(Math.sqrt(size));
}

/**
 * `[outer, size, inner] -> [outer, parts, inner]`, each thread over `chunk` values that lie `parts` apart, so that
 * neighbouring threads read neighbours. One part is the whole reduction.
 */
function reduceProgram(op: ReduceOp, outer: number, size: number, inner: number, chunk: number): Program {
  const parts = Math.ceil(size / chunk);
  const { output, coordinates } = threadsOfReduction(outer, parts, inner);
  const index = parts === 1 ? 'i' : `i * ${parts} + ${coordinates.part}`;
  const read = `x[${coordinates.outer}][${index}][${coordinates.inner}]`;
  const guarded = (statement: string) =>
    parts * chunk === size ? statement : `if (${index} < ${size}) { ${statement} }`;
  const first = `x[${coordinates.outer}][${coordinates.part}][${coordinates.inner}]`;
  const loop = (start: string, statement: string, result: string) =>
    `${start}\nfor (let i = 0; i < ${chunk}; i++) {\n${guarded(statement)}\n}\nreturn ${result};`;
  const pick = (comparison: string) =>
    loop(
      `let r = ${first};`,
      `const v = ${read}; if (v ${comparison} r || ${isNaNText('v')}) { r = v; }`,
      'r',
    );
  const bodies: Record<ReduceOp, () => string> = {
    sum: () => loop('let r = 0.0;', `r += ${read};`, 'r'),
    max: () => pick('>'),
    min: () => pick('<'),
    argmax: () =>
      loop(
        `let r = ${first};\nlet index = 0.0;`,
        `const v = ${read}; if (v > r || (${isNaNText('v')} && r == r)) { r = v; index = i; }`,
        'index',
      ),
  };
  return { inputs: [{ name: 'x', dims: [inner, size, outer] }], output, body: bodies[op]() };
}

/** Lays [outer, parts, inner] on the threads. */
function threadsOfReduction(outer: number, parts: number, inner: number) {
  const x = 'this.thread.x';
  const y = 'this.thread.y';
  if (inner === 1 && parts === 1)
    return { output: [outer], coordinates: { outer: x, part: '0', inner: '0' } };
  if (inner === 1) return { output: [parts, outer], coordinates: { outer: y, part: x, inner: '0' } };
  if (parts === 1) return { output: [inner, outer], coordinates: { outer: y, part: '0', inner: x } };
  return { output: [inner, parts, outer], coordinates: { outer: 'this.thread.z', part: y, inner: x } };
}

/** `[outer, size, inner] -> [outer, inner]`, in as many passes as they need. */
export function reduceAxis<S extends Storage>(
  machine: GpuMachine<S>,
  op: ReduceOp,
  x: S,
  outer: number,
  size: number,
  inner: number,
): S {
  const chunk = op === 'argmax' ? size : reduceChunk(size, outer * inner);
  const parts = Math.ceil(size / chunk);
  const key = `${op} ${outer},${size},${inner},${chunk}`;
  const build = () => reduceProgram(op, outer, size, inner, chunk);
  const partial = machine.run(outer * parts * inner, key, build, [x]);
  if (parts === 1) return partial;
  const total = reduceAxis(machine, op, partial, outer, parts, inner);
  machine.free(partial);
  return total;
}

export function reduction<S extends Storage>(
  machine: GpuMachine<S>,
  { fill, strided, unary }: Family<S, 'fill' | 'strided' | 'unary'>,
): Family<S, 'reduce'> {
  /** Brings the reduced axes together at the end first: their one index is what argmax gives. */
  function argmaxOfSeveral(x: S, { shape, reduced }: ReduceGeometry, axes: readonly number[]): S {
    const kept = shape.flatMap((_, axis) => (reduced[axis] ? [] : [axis]));
    const order = [...kept, ...axes];
    const moved = strided(x, {
      shape: order.map((axis) => shape[axis]),
      strides: order.map((axis) => product(shape.slice(axis + 1))),
      offset: 0,
    });
    const size = product(axes.map((axis) => shape[axis]));
    const result = reduceAxis(machine, 'argmax', moved, x.length / size, size, 1);
    machine.free(moved);
    return result;
  }

  return {
    reduce(op, x, g) {
      const axes = g.reduced.flatMap((is, axis) => (is ? [axis] : []));
      if (axes.length === 0) return op === 'argmax' ? fill(x.length, 0) : unary('addScalar', x, 0);
      if (op === 'argmax' && axes.length > 1) return argmaxOfSeveral(x, g, axes);
      let current = x;
      const sizes = [...g.shape];
      for (const axis of axes) {
        const outer = product(sizes.slice(0, axis));
        const inner = product(sizes.slice(axis + 1));
        const next = reduceAxis(machine, op, current, outer, sizes[axis], inner);
        if (current !== x) machine.free(current);
        current = next;
        sizes[axis] = 1;
      }
      return current;
    },
  };
}
