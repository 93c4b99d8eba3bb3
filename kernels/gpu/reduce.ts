import type { ReduceOp } from '../primitives.ts';
import type { Program } from './program/program.ts';

/** Longer sums go through partial sums: threads for a GPU, and an error that grows with the root of the length. */
const DIRECT = 256;

/** How many values each thread of the next pass takes: all, or about the root of them. */
export function reduceChunk(size: number, outputs: number): number {
  return size <= DIRECT || (outputs >= 16384 && size <= 2048) ? size : Math.ceil(Math.sqrt(size));
}

/**
 * `[outer, size, inner] -> [outer, parts, inner]`, each thread over `chunk` values that lie `parts` apart, so that
 * neighbouring threads read neighbours. One part is the whole reduction.
 */
export function reduceProgram(
  op: ReduceOp,
  outer: number,
  size: number,
  inner: number,
  chunk: number,
): Program {
  const parts = Math.ceil(size / chunk);
  const { output, at } = threadsOfReduction(outer, parts, inner);
  const index = parts === 1 ? 'i' : `i * ${parts} + ${at.part}`;
  const read = `x[${at.outer}][${index}][${at.inner}]`;
  const guarded = (statement: string) =>
    parts * chunk === size ? statement : `if (${index} < ${size}) { ${statement} }`;
  const first = `x[${at.outer}][${at.part}][${at.inner}]`;
  const loop = (start: string, statement: string, result: string) =>
    `${start}\nfor (let i = 0; i < ${chunk}; i++) {\n${guarded(statement)}\n}\nreturn ${result};`;
  const pick = (comparison: string) =>
    loop(`let r = ${first};`, `const v = ${read}; if (v ${comparison} r || v != v) { r = v; }`, 'r');
  const bodies: Record<ReduceOp, () => string> = {
    sum: () => loop('let r = 0.0;', `r += ${read};`, 'r'),
    max: () => pick('>'),
    min: () => pick('<'),
    argmax: () =>
      loop(
        `let r = ${first};\nlet at = 0.0;`,
        `const v = ${read}; if (v > r || (v != v && r == r)) { r = v; at = i; }`,
        'at',
      ),
  };
  return { inputs: [{ name: 'x', dims: [inner, size, outer] }], output, body: bodies[op]() };
}

/** Lays [outer, parts, inner] on the threads. */
function threadsOfReduction(outer: number, parts: number, inner: number) {
  const x = 'this.thread.x';
  const y = 'this.thread.y';
  if (inner === 1 && parts === 1) return { output: [outer], at: { outer: x, part: '0', inner: '0' } };
  if (inner === 1) return { output: [parts, outer], at: { outer: y, part: x, inner: '0' } };
  if (parts === 1) return { output: [inner, outer], at: { outer: y, part: '0', inner: x } };
  return { output: [inner, parts, outer], at: { outer: 'this.thread.z', part: y, inner: x } };
}
