import type { MatmulGeometry } from '../../primitives.ts';
import { type Program, type ProgramInput, quotient, remainder } from '../program/program.ts';
import { LANES, pickLane, pickOutput, quarters } from './pack.ts';

/**
 * How a kernel finds an operand's texels, a step of four k at a time: `rows`, four k of one row (or column of b) a
 * texel; `columns`, four rows (or columns of b) of one k.
 */
export type Layout = 'rows' | 'columns';

export interface Operand {
  readonly layout: Layout;
  /** Texels along a row of the texture's matrix, such rows, and matrices. */
  readonly dims: readonly [number, number, number];
  /** Whether the operand has to be packed first, into `columns`; else its flat form is that layout already. */
  readonly packed: boolean;
}

/** `size` is m or n; `sizeFirst`: stored `[size, k]`, else `[k, size]`. */
export function operandOf(size: number, k: number, sizeFirst: boolean, batches: number): Operand {
  if (k % 4 === 0 && sizeFirst) return { layout: 'rows', dims: [k / 4, size, batches], packed: false };
  if (k % 4 === 0 && size % 4 === 0)
    return { layout: 'columns', dims: [size / 4, k, batches], packed: false };
  return { layout: 'columns', dims: [quarters(size), quarters(k) * 4, batches], packed: true };
}

/**
 * A `[batch, k, size]` matrix (`sizeFirst`: `[batch, size, k]`), one value a texel -> `columns`, with zeros beyond
 * the edges.
 */
export function packMatrix({ dims }: Operand, k: number, size: number, sizeFirst: boolean): Program {
  const [s4, rows, batch] = dims;
  const laneValue = (lane: number) =>
    sizeFirst
      ? `x[this.thread.z][this.thread.x * 4 + ${lane}][this.thread.y]`
      : `x[this.thread.z][this.thread.y][this.thread.x * 4 + ${lane}]`;
  const texel = (lanes: number) =>
    `return [${LANES.map((i) => (i < lanes ? laneValue(i) : '0')).join(', ')}];`;
  const rest = size % 4;
  return {
    inputs: [{ name: 'x', dims: sizeFirst ? [k, size, batch] : [size, k, batch] }],
    output: dims,
    returns: 'Array(4)',
    body: `${rows > k ? `if (this.thread.y >= ${k}) return [0, 0, 0, 0];` : ''}
${rest > 0 && s4 > 1 ? `if (this.thread.x < ${s4 - 1}) { ${texel(4)} }` : ''}
${texel(rest || 4)}`,
  };
}

/**
 * c = a b: each thread makes `rows` x 4 values, one output of the kernel map a row; twelve fetches (rows = 8) serve
 * 128 multiply-adds. A last tile beyond m or n reads what comes next, for values that nobody reads.
 * Outputs: `[batch, m / rows, n / 4]`.
 */
export function gemmTiles(g: MatmulGeometry, a: Operand, b: Operand, rows: number): Program {
  const all = Array.from({ length: rows }, (_, r) => r);
  const left = a.layout === 'rows' ? all : all.slice(0, rows / 4);
  const fetchA =
    a.layout === 'rows'
      ? left.map((r) => `const a${r} = a[${matrix(a)}][this.thread.y * ${rows} + ${r}][i];`)
      : LANES.flatMap((u) =>
          left.map(
            (t) => `const a${u}_${t} = a[${matrix(a)}][i * 4 + ${u}][this.thread.y * ${rows / 4} + ${t}];`,
          ),
        );
  const fetchB = LANES.map((u) =>
    b.layout === 'rows'
      ? `const b${u} = b[${matrix(b)}][this.thread.x * 4 + ${u}][i];`
      : `const b${u} = b[${matrix(b)}][i * 4 + ${u}][this.thread.x];`,
  );
  const valueA = (r: number, u: number) =>
    a.layout === 'rows' ? `a${r}[${u}]` : `a${u}_${r >> 2}[${r & 3}]`;
  const valueB = (lane: number, u: number) => (b.layout === 'rows' ? `b${lane}[${u}]` : `b${u}[${lane}]`);
  const sums = all.flatMap((r) =>
    LANES.map(
      (lane) => `c${r}_${lane} += ${LANES.map((u) => `${valueA(r, u)} * ${valueB(lane, u)}`).join(' + ')};`,
    ),
  );
  const row = (r: number) => `[${LANES.map((lane) => `c${r}_${lane}`).join(', ')}]`;
  return {
    inputs: [
      { name: 'a', dims: a.dims, lanes: true },
      { name: 'b', dims: b.dims, lanes: true },
    ],
    output: [quarters(g.n), Math.ceil(g.m / rows), g.batch],
    returns: 'Array(4)',
    maps: all.slice(1).map((r) => `row${r}`),
    body: `${all.map((r) => LANES.map((lane) => `let c${r}_${lane} = 0.0;`).join(' ')).join('\n')}
for (let i = 0; i < ${quarters(g.k)}; i++) {
${[...fetchA, ...fetchB, ...sums].join('\n')}
}
${all
  .slice(1)
  .map((r) => `row${r}(${row(r)});`)
  .join('\n')}
return ${row(0)};`,
  };
}

function matrix({ dims }: Operand): string {
  return dims[2] === 1 ? '0' : 'this.thread.z';
}

/** The tiles -> c `[batch, m, n]` in its flat form, with the bias `[n]` added. */
export function unpackRows(g: MatmulGeometry, rows: number, bias: boolean): Program {
  const n4 = quarters(g.n);
  const whole = g.n % 4 === 0;
  const inputs: ProgramInput[] = Array.from({ length: rows }, (_, i) => ({
    name: `t${i}`,
    dims: [n4, Math.ceil(g.m / rows), g.batch],
    lanes: true,
  }));
  if (bias) inputs.push({ name: 'bias', lanes: whole });
  const pick = (column: string) => `const r = ${quotient('this.thread.y', rows)};
const p = ${remainder('this.thread.y', rows)};
${pickOutput(rows, (name) => `${name}[this.thread.z][r][${column}]`)}`;
  if (whole) {
    return {
      inputs,
      output: [n4, g.m, g.batch],
      returns: 'Array(4)',
      body: `${pick('this.thread.x')}
${bias ? 'const b = bias[this.thread.x];' : ''}
return [${LANES.map((lane) => `v[${lane}]${bias ? ` + b[${lane}]` : ''}`).join(', ')}];`,
    };
  }
  return {
    inputs,
    output: [g.n, g.m, g.batch],
    body: `const column = ${quotient('this.thread.x', 4)};
const lane = ${remainder('this.thread.x', 4)};
${pick('column')}
return ${pickLane('lane')}${bias ? ' + bias[this.thread.x]' : ''};`,
  };
}
