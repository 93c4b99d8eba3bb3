import { type ProgramInput, quotient } from './program.ts';

/** A coordinate of the thread's output element, as text. An integer one is an integer to gpu.js too. */
export interface Coordinate {
  readonly text: string;
  readonly integer: boolean;
}

export interface Threads {
  readonly output: readonly number[];
  /** Declarations that the coordinates need. */
  readonly prelude: string;
  readonly coordinates: readonly Coordinate[];
}

/** Lays a shape on the three thread axes: the inner two axes (of more than one value) on x and y, all others on z. */
export function threadsOver(shape: readonly number[]): Threads {
  const axes = shape.flatMap((size, axis) => (size > 1 ? [axis] : []));
  const coordinates: Coordinate[] = shape.map(() => ({ text: '0', integer: true }));
  const thread = (axis: number, name: string) => {
    coordinates[axis] = { text: `this.thread.${name}`, integer: true };
  };
  const inner = axes.slice(-2).reverse();
  inner.forEach((axis, i) => {
    thread(axis, 'xy'[i]);
  });
  const outer = axes.slice(0, -2);
  const output = inner.map((axis) => shape[axis]);
  if (output.length === 0) output.push(1);
  if (outer.length === 0) return { output, prelude: '', coordinates };
  output.push(outer.reduce((product, axis) => product * shape[axis], 1));
  if (outer.length === 1) {
    thread(outer[0], 'z');
    return { output, prelude: '', coordinates };
  }
  const prelude: string[] = [];
  let rest = 'this.thread.z';
  for (let i = outer.length - 1; i > 0; i--) {
    const size = shape[outer[i]];
    prelude.push(`const q${i} = ${quotient(rest, size)};`, `const c${i} = ${rest} - q${i} * ${size};`);
    coordinates[outer[i]] = { text: `c${i}`, integer: false };
    rest = `q${i}`;
  }
  coordinates[outer[0]] = { text: rest, integer: false };
  return { output, prelude: prelude.join('\n'), coordinates };
}

/** Floats count integers exactly up to here. */
export const EXACT = 2 ** 24;
/** The width that indices beyond EXACT are split by: both halves of such an index are exact floats. */
const SPLIT = 4096;

/**
 * Reads `name[offset + sum of coordinate * stride]` of a tensor of `length` values: the text, and how the input is to
 * be folded for it.
 */
export function element(
  name: string,
  length: number,
  coordinates: readonly Coordinate[],
  strides: readonly number[],
  offset: number | string = 0,
): { text: string; input: ProgramInput } {
  const used = coordinates.filter((_, axis) => strides[axis] !== 0);
  if (length <= EXACT || used.every((coordinate) => coordinate.integer)) {
    return { text: `${name}[${sum(coordinates, strides, offset)}]`, input: { name } };
  }
  const high = strides.map((stride) => Math.trunc(stride / SPLIT));
  const low = strides.map((stride) => stride % SPLIT);
  const [rows, columns] =
    typeof offset === 'number' ? [Math.trunc(offset / SPLIT), offset % SPLIT] : [0, offset];
  const row = sum(coordinates, high, rows);
  const column = sum(coordinates, low, columns);
  return {
    text: `${name}[${row}][${column}]`,
    input: { name, dims: [SPLIT, Math.ceil(length / SPLIT), 1] },
  };
}

function sum(
  coordinates: readonly Coordinate[],
  factors: readonly number[],
  offset: number | string,
): string {
  let text = '';
  const add = (term: string, negative: boolean) => {
    if (text === '') text = negative ? `0 - ${term}` : term;
    else text += negative ? ` - ${term}` : ` + ${term}`;
  };
  if (typeof offset === 'string' || offset > 0) add(`${offset}`, false);
  coordinates.forEach(({ text: coordinate }, axis) => {
    const factor = factors[axis];
    if (factor === 0 || coordinate === '0') return;
    const size = Math.abs(factor);
    add(size === 1 ? coordinate : `${coordinate} * ${size}`, factor < 0);
  });
  if (typeof offset === 'number' && offset < 0) add(`${-offset}`, true);
  return text === '' ? '0' : text;
}
