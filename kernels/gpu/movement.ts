import type { ConcatGeometry, PadGeometry, Storage, StridedGeometry } from '../primitives.ts';
import { type Family, type GpuMachine, keyOf, product, sum } from './machine.ts';
import { EXACT, element, threadsOver } from './program/coordinates.ts';
import type { Pointwise } from './program/pointwise.ts';
import { type Program, quotient } from './program/program.ts';

/** The same value everywhere. */
const constant = (): Pointwise => ({ inputs: [], scalars: ['value'], results: ['return value;'] });

/** Whether a float argument can hold any offset into `length` values, so that slices at all offsets share a program. */
function takesOffset(length: number): boolean {
  return length <= EXACT;
}

/** out[i...] = x[offset + sum i*stride] */
function stridedProgram({ shape, strides, offset }: StridedGeometry, length: number): Program {
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

const paddedShape = ({ shape, before, after, interior }: PadGeometry): number[] =>
  shape.map((n, a) => before[a] + n + Math.max(0, n - 1) * interior[a] + after[a]);

/** Each output looks for its source: out = before + i * (interior + 1) along every axis. */
function padProgram(geometry: PadGeometry): Program {
  const { shape, before, after, interior } = geometry;
  const outShape = paddedShape(geometry);
  const strides = shape.map((_, a) => product(shape.slice(a + 1)));
  const length = product(shape);
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
  return { inputs: [input], scalars: ['value'], output, body: lines.join('\n') };
}

/** `count` of the inputs, laid side by side: `[outer, sizes[i], inner]` each. */
function concatProgram(geometry: ConcatGeometry): Program {
  const { outer, sizes, inner } = geometry;
  const total = sum(sizes);
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

export function movement<S extends Storage>(
  machine: GpuMachine<S>,
): Family<S, 'fill' | 'strided' | 'pad' | 'concat'> {
  function concat(xs: readonly S[], g: ConcatGeometry): S {
    const { outer, sizes, inner } = g;
    const most = machine.maxInputs;
    if (xs.length <= most) {
      return machine.run(outer * inner * sum(sizes), keyOf('concat', g), () => concatProgram(g), xs);
    }
    const head = concat(xs.slice(0, most), { outer, sizes: sizes.slice(0, most), inner });
    const headSize = head.length / (outer * inner);
    const all = concat([head, ...xs.slice(most)], { outer, sizes: [headSize, ...sizes.slice(most)], inner });
    machine.free(head);
    return all;
  }

  return {
    fill: (length, value) => machine.pointwise('fill', constant, [], [value], length)[0],
    strided(x, g) {
      const { offset, ...layout } = g;
      const free = takesOffset(x.length);
      const key = keyOf('strided', free ? layout : g, x.length);
      const build = () => stridedProgram(g, x.length);
      return machine.run(product(g.shape), key, build, [x], free ? [offset] : []);
    },
    pad(x, g) {
      const { value, ...layout } = g;
      const length = product(paddedShape(g));
      return machine.run(length, keyOf('pad', layout), () => padProgram(g), [x], [value]);
    },
    concat,
  };
}
