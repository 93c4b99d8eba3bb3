/**
 * A gpu.js kernel as plain data, and the small pieces of text that kernels are put together from.
 *
 * Kernels are text, not functions read back with `toString()`: a minifier cannot break them, lanes unroll by
 * `map`, and sizes are literals. What gpu.js asks of the text:
 * - index a large tensor by up to three coordinates, `x[z][y][x]`, with `dims` telling how it is folded: gpu.js
 *   turns each coordinate into an integer before it composes them, so nothing but a single coordinate has to
 *   stay below 2^24, where float32 stops counting;
 * - loops run from a literal to a literal, step 1: `for (let i = 0; i < 9; i++)` counts in integers;
 * - a quotient of integers is a float division on GL: `quotient` and `remainder` keep half a unit of distance
 *   from the edge, so that an inexact division floors right.
 */

/** An array argument, by the name it has in the text. */
export interface ProgramInput {
  readonly name: string;
  /** How the flat values are folded, innermost first: `x[z][y][x]` reads `x + dims[0] * (y + dims[1] * z)`. Default flat: `x[i]`. */
  readonly dims?: readonly [number, number, number];
  /** Texels of four values (GL only), a flat tensor's too: `const v = x[i]` is a vector, `v[0]` to `v[3]` its lanes. */
  readonly lanes?: boolean;
}

/** A function of numbers that a body calls. */
export interface ProgramFunction {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly body: string;
}

export interface Program {
  readonly inputs: readonly ProgramInput[];
  /** Number arguments, after the inputs: what may change without another compilation (alpha, a learning rate). */
  readonly scalars?: readonly string[];
  /** Threads along x, y, z. Their linear order, x fastest, is the output's flat order. */
  readonly output: readonly number[];
  /**
   * What the body returns: a number, or `[a, b, c, d]`, four values a texel (GL only). Default 'Number'. Flat tensors
   * have four values a texel too, so that a program may return four neighbours of one at once.
   */
  readonly returns?: 'Number' | 'Array(4)';
  /** The statements inside `function (inputs, scalars) { ... }`. */
  readonly body: string;
  readonly functions?: readonly ProgramFunction[];
  /**
   * Further outputs of the same shape and type, GL only: the body calls each name as a function with the value it
   * is to keep, `lane1([a, b, c, d]);`, before it returns the first output.
   */
  readonly maps?: readonly string[];
  /** GL only: width and height of the output texture, where the canonical one (`textureSize`) does not serve. */
  readonly texture?: readonly [number, number];
}

/** The kernel function's text. */
export function sourceOf(program: Program): string {
  const names = [...program.inputs.map((input) => input.name), ...(program.scalars ?? [])];
  return `function (${names.join(', ')}) {\n${program.body}\n}`;
}

/** Number of threads, which is the number of outputs (texels where the program returns four lanes). */
export function threadsOf(program: Program): number {
  return program.output.reduce((product, size) => product * size, 1);
}

/**
 * The texture of `texels` texels: a power of two wide, so that the division by the width in every fetch is a shift,
 * and a multiple of a sixteenth of the width high, so that pooled textures and pointwise kernels serve many lengths.
 * One size for one length, whichever kernel wrote it, lets kernels take any texture of the right length.
 */
export function textureSize(texels: number, maxSize: number): [number, number] {
  let width = 1;
  while (width * width < texels && width * 2 <= maxSize) width *= 2;
  const step = Math.max(1, width / 16);
  const height = Math.max(1, Math.ceil(texels / width / step) * step);
  return [width, height <= maxSize ? height : Math.ceil(texels / width)];
}

/** floor(a / b) of a natural number (text or number) by a literal. */
export function quotient(a: string | number, b: number): string {
  return b === 1 ? `${a}` : `Math.floor((${a} + 0.5) / ${float(b)})`;
}

/** a mod b, as `quotient`. */
export function remainder(a: string | number, b: number): string {
  return b === 1 ? '0' : `(${a} - ${quotient(a, b)} * ${b})`;
}

/** A number as gpu.js wants a float literal: with a point, or an exponent. */
export function float(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** `lines(4, i => ...)`: unrolled statements. */
export function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

/**
 * Whether a value is NaN. Compilers for GPUs take `v != v` for false, and `v < 0.0 ? 0.0 : v` for a maximum, which
 * may drop NaN; this they compute as it stands, and so they do statements that restore NaN after others.
 */
export const isNaNText = (v: string): string => `!(${v} < 0.0 || ${v} >= 0.0)`;
