import type { MatmulGeometry } from '../../../lib/devices/device.ts';
import { type Program, quotient, remainder } from '../program.ts';
import { LANES, pickLane, pickOutput, quarters } from './pack.ts';

/** Steps of k between two turns of the loop: packed matrices have that many zeros to spare. */
const UNROLL = 4;

function padded(k: number): number {
  return Math.ceil(k / UNROLL) * UNROLL;
}

/**
 * A `[batch, k, size]` matrix (`sizeFirst`: `[batch, size, k]`), one value a texel -> `[batch, k, size / 4]`, four
 * neighbours along `size` a texel, zeros beyond the edges.
 */
export function packMatrix(batch: number, k: number, size: number, sizeFirst: boolean): Program {
  const s4 = quarters(size);
  const at = (lane: number) =>
    sizeFirst
      ? `x[this.thread.z][this.thread.x * 4 + ${lane}][this.thread.y]`
      : `x[this.thread.z][this.thread.y][this.thread.x * 4 + ${lane}]`;
  const texel = (lanes: number) => `return [${LANES.map((i) => (i < lanes ? at(i) : '0')).join(', ')}];`;
  const rest = size % 4;
  return {
    inputs: [{ name: 'x', dims: sizeFirst ? [k, size, batch] : [size, k, batch] }],
    output: [s4, padded(k), batch],
    returns: 'Array(4)',
    body: `${padded(k) > k ? `if (this.thread.y >= ${k}) return [0, 0, 0, 0];` : ''}
${rest > 0 && s4 > 1 ? `if (this.thread.x < ${s4 - 1}) { ${texel(4)} }` : ''}
${texel(rest || 4)}`,
  };
}

/**
 * c = a b: each thread makes `rows` x 4 values by outer products, one output of the kernel map a row: three fetches
 * (rows = 8) for 32 multiply-adds. A last tile beyond m reads what comes next, for rows that nobody reads.
 *
 * a: `[batch, k, m / 4]`, b: `[batch, k, n / 4]`, packed; outputs: `[batch, m / rows, n / 4]`.
 */
export function gemmTiles(g: MatmulGeometry, rows: number): Program {
  const [m4, n4] = [quarters(g.m), quarters(g.n)];
  const k = padded(g.k);
  const texels = rows / 4;
  const all = Array.from({ length: rows }, (_, r) => r);
  const steps = Array.from({ length: UNROLL }, (_, u) => u);
  const fetches = steps.flatMap((u) => [
    ...Array.from(
      { length: texels },
      (_, t) =>
        `const a${u}_${t} = a[${g.batchStrideA === 0 ? 0 : 'this.thread.z'}][i * ${UNROLL} + ${u}][this.thread.y * ${texels} + ${t}];`,
    ),
    `const b${u} = b[${g.batchStrideB === 0 ? 0 : 'this.thread.z'}][i * ${UNROLL} + ${u}][this.thread.x];`,
  ]);
  const sums = all.flatMap((r) =>
    LANES.map(
      (lane) =>
        `c${r}_${lane} += ${steps.map((u) => `a${u}_${r >> 2}[${r & 3}] * b${u}[${lane}]`).join(' + ')};`,
    ),
  );
  return {
    inputs: [
      { name: 'a', dims: [m4, k, g.batchStrideA === 0 ? 1 : g.batch], lanes: true },
      { name: 'b', dims: [n4, k, g.batchStrideB === 0 ? 1 : g.batch], lanes: true },
    ],
    output: [n4, Math.ceil(g.m / rows), g.batch],
    returns: 'Array(4)',
    maps: all.slice(1).map((r) => `row${r}`),
    body: `${all.map((r) => LANES.map((lane) => `let c${r}_${lane} = 0.0;`).join(' ')).join('\n')}
for (let i = 0; i < ${k / UNROLL}; i++) {
${fetches.join('\n')}
${sums.join('\n')}
}
${all
  .slice(1)
  .map((r) => `row${r}([${LANES.map((lane) => `c${r}_${lane}`).join(', ')}]);`)
  .join('\n')}
return [${LANES.map((lane) => `c0_${lane}`).join(', ')}];`,
  };
}

/** The tiles -> c `[batch, m, n]`, one value a texel, with the bias `[n]` added. */
export function unpackRows(g: MatmulGeometry, rows: number, bias: boolean): Program {
  const tiles = Array.from({ length: rows }, (_, i) => ({
    name: `t${i}`,
    dims: [quarters(g.n), Math.ceil(g.m / rows), g.batch] as const,
    lanes: true,
  }));
  return {
    inputs: bias ? [...tiles, { name: 'bias' }] : tiles,
    output: [g.n, g.m, g.batch],
    body: `const r = ${quotient('this.thread.y', rows)};
const p = ${remainder('this.thread.y', rows)};
const column = ${quotient('this.thread.x', 4)};
const lane = ${remainder('this.thread.x', 4)};
${pickOutput(rows, (name) => `${name}[this.thread.z][r][column]`)}
return ${pickLane('lane')}${bias ? ' + bias[this.thread.x]' : ''};`,
  };
}
