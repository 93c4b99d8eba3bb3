import type { ConcatGeometry, PadGeometry, StridedGeometry } from '../primitives.ts';
import { EXACT, element, threadsOver } from './program/coordinates.ts';
import { type Program, quotient } from './program/program.ts';

/** Whether a float argument can hold any offset into `length` values, so that slices at all offsets share a program. */
export function takesOffset(length: number): boolean {
  return length <= EXACT;
}

/** out[i...] = x[offset + sum i*stride] */
export function stridedProgram({ shape, strides, offset }: StridedGeometry, length: number): Program {
  const { output, prelude, coordinates } = threadsOver(shape);
  const free = takesOffset(length);
  const { text, input } = element('x', length, coordinates, strides, free ? 'offset' : offset);
  return {
    inputs: [input],
    scalars: free ? ['offset'] : [],
    output,
    body: `${prelude}\nreturn ${text};`,
  };
}

/** Each output looks for its source: out = before + i * (interior + 1) along every axis. */
export function padProgram(geometry: PadGeometry): Program {
  const { shape, before, after, interior, value } = geometry;
  const rank = shape.length;
  const outShape = shape.map((n, a) => before[a] + n + Math.max(0, n - 1) * interior[a] + after[a]);
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((product, n) => product * n, 1));
  const length = shape.reduce((product, n) => product * n, 1);
  const { output, prelude, coordinates } = threadsOver(outShape);
  const lines = [prelude];
  const conditions: string[] = [];
  const sources = coordinates.map((coordinate, a) => {
    const unchanged = before[a] === 0 && after[a] === 0 && interior[a] === 0;
    if (unchanged) return coordinate;
    const step = interior[a] + 1;
    lines.push(`const t${a} = ${coordinate.text} - ${before[a]};`);
    lines.push(`const s${a} = ${quotient(`t${a}`, step)};`);
    conditions.push(`t${a} >= 0 && s${a} < ${shape[a]}`);
    if (step > 1) conditions.push(`s${a} * ${step} == t${a}`);
    return { text: `s${a}`, integer: false };
  });
  const { text, input } = element('x', length, sources, strides);
  lines.push(`let r = value;`);
  const read = `r = ${text};`;
  lines.push(conditions.length > 0 ? `if (${conditions.join(' && ')}) { ${read} }` : read, 'return r;');
  void rank;
  void value;
  return { inputs: [input], scalars: ['value'], output, body: lines.join('\n') };
}

/** `count` of the inputs, laid side by side: `[outer, sizes[i], inner]` each. */
export function concatProgram(geometry: ConcatGeometry): Program {
  const { outer, sizes, inner } = geometry;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const lines = ['let r = 0.0;'];
  let start = 0;
  sizes.forEach((size, i) => {
    const read = `r = x${i}[this.thread.z][this.thread.y - ${start}][this.thread.x];`;
    lines.push(`if (this.thread.y >= ${start} && this.thread.y < ${start + size}) { ${read} }`);
    start += size;
  });
  return {
    inputs: sizes.map((size, i) => ({ name: `x${i}`, dims: [inner, size, outer] as const })),
    output: [inner, total, outer],
    body: `${lines.join('\n')}\nreturn r;`,
  };
}
