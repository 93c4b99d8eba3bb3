import { type Program, quotient, remainder } from '../program/program.ts';
import type { Axis, Tiling } from './tiling.ts';

/** Four channels, or fewer at the end, of one pixel a texel. */
export const LANES = [0, 1, 2, 3] as const;

export function quarters(channels: number): number {
  return Math.ceil(channels / 4);
}

export interface PackedImage {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly beforeHeight: number;
  readonly beforeWidth: number;
  readonly packedHeight: number;
  readonly packedWidth: number;
}

/** The dims by which a kernel reads a packed image: `x[n * quarters + c][row][column]`. */
export function packedDims(image: PackedImage): [number, number, number] {
  return [image.packedWidth, image.packedHeight, image.batch * quarters(image.channels)];
}

/** Whether the packed image is the packed storage itself, without zeros around it. */
export function isUnpadded({ height, width, ...image }: PackedImage): boolean {
  const { beforeHeight, beforeWidth, packedHeight, packedWidth } = image;
  return beforeHeight === 0 && beforeWidth === 0 && packedHeight === height && packedWidth === width;
}

/**
 * x `[N, C, H, W]`, one value a texel (or packed, if C is a multiple of four) ->
 * `[N, C / 4, packedHeight, packedWidth]`, four channels a texel, with zeros around the image and in the lanes
 * beyond C: the kernels that read it check no bounds.
 */
export function packImage(image: PackedImage, fromPacked: boolean): Program {
  const { channels, height, width, packedHeight, packedWidth } = image;
  const c4 = quarters(channels);
  const row = shifted('this.thread.y', image.beforeHeight);
  const column = shifted('this.thread.x', image.beforeWidth);
  const bounds = [
    ...within(row, 0, packedHeight - 1, image.beforeHeight, height),
    ...within(column, 0, packedWidth - 1, image.beforeWidth, width),
  ];
  const values = fromPacked
    ? `const v = x[this.thread.z][${row}][${column}];\nreturn [v[0], v[1], v[2], v[3]];`
    : `const n = ${quotient('this.thread.z', c4)};
const c = (this.thread.z - n * ${c4}) * 4;
${fourLanes(channels, c4, 'c', (lane) => `x[n][c + ${lane}][(${row}) * ${width} + ${column}]`)}`;
  return {
    inputs: [
      fromPacked
        ? { name: 'x', dims: [width, height, image.batch * c4], lanes: true }
        : { name: 'x', dims: [height * width, channels, image.batch] },
    ],
    output: packedDims(image),
    returns: 'Array(4)',
    body: bounds.length === 0 ? values : `if (${bounds.join(' && ')}) {\n${values}\n}\nreturn [0, 0, 0, 0];`,
  };
}

/**
 * w `[rows, columns, taps]` -> `[rows / 4, columns, taps]`, four rows a texel (`transposed`: w is `[columns, rows, taps]`).
 */
export function packWeight(rows: number, columns: number, taps: number, transposed: boolean): Program {
  const r4 = quarters(rows);
  const laneValue = (lane: number) =>
    transposed
      ? `w[this.thread.y][this.thread.z * 4 + ${lane}][this.thread.x]`
      : `w[this.thread.z * 4 + ${lane}][this.thread.y][this.thread.x]`;
  return {
    inputs: [{ name: 'w', dims: transposed ? [taps, rows, columns] : [taps, columns, rows] }],
    output: [taps, columns, r4],
    returns: 'Array(4)',
    body: fourLanes(rows, r4, 'this.thread.z * 4', laneValue),
  };
}

/**
 * The tiles that a kernel map left in its outputs -> y, with the bias added: packed where the channels are a
 * multiple of four, else one value a texel. Output i * tileWidth + j holds pixel (i, j) of each tile, four channels
 * a texel.
 */
export function unpackTiles(
  batch: number,
  channels: number,
  size: readonly [number, number],
  { height, width }: Tiling,
  bias: boolean,
): Program {
  const c4 = quarters(channels);
  const lanes = channels % 4 === 0;
  const planes = lanes ? c4 : channels;
  const count = height.tile * width.tile;
  const row = positionInTile(height, 'this.thread.y');
  const column = positionInTile(width, 'this.thread.x');
  const channel = lanes ? 'c * 4' : 'c';
  const biased = (lane: number) => (bias ? ` + bias[${channel} + ${lane}]` : '');
  return {
    inputs: [
      ...Array.from({ length: count }, (_, i) => ({
        name: `t${i}`,
        dims: [width.tiles, c4, batch * height.tiles] as const,
        lanes: true,
      })),
      ...(bias ? [{ name: 'bias' }] : []),
    ],
    output: [size[1], size[0], batch * planes],
    returns: lanes ? 'Array(4)' : 'Number',
    body: `const n = ${quotient('this.thread.z', planes)};
const c = this.thread.z - n * ${planes};
const c4 = ${lanes ? 'c' : quotient('c', 4)};
const ty = ${row.tile};
const tx = ${column.tile};
const p = ${row.output} * ${width.tile} + ${column.output};
const lane = c - c4 * 4;
${pickOutput(count, (name) => `${name}[n * ${height.tiles} + ty][c4][tx]`)}
return ${lanes ? `[${LANES.map((i) => `v[${i}]${biased(i)}`).join(', ')}]` : `${pickLane('lane')}${biased(0)}`};`,
  };
}

/** The tile that a position belongs to, and which of its outputs it is. */
function positionInTile({ tile, tiles, apart }: Axis, position: string): { tile: string; output: string } {
  return apart
    ? { tile: remainder(position, tiles), output: quotient(position, tiles) }
    : { tile: quotient(position, tile), output: remainder(position, tile) };
}

/** Sets `v` to a texel of output number `p` of a kernel map; `texelOf` reads it from the output of a name. */
export function pickOutput(count: number, texelOf: (name: string) => string): string {
  const branch = (from: number, to: number): string => {
    if (to - from === 1) return `v = ${texelOf(`t${from}`)};`;
    const middle = (from + to) >> 1;
    return `if (p < ${middle}.0 - 0.5) { ${branch(from, middle)} } else { ${branch(middle, to)} }`;
  };
  return `let v = [0.0, 0.0, 0.0, 0.0];\n${branch(0, count)}`;
}

/** The lane of `v` whose number is `lane`. */
export function pickLane(lane: string): string {
  return `(${lane} < 1.5 ? (${lane} < 0.5 ? v[0] : v[1]) : (${lane} < 2.5 ? v[2] : v[3]))`;
}

/** Returns four values, with zeros where the last texel of a row has channels to spare. */
function fourLanes(channels: number, c4: number, c: string, laneValue: (lane: number) => string): string {
  const rest = channels % 4;
  const texel = (lanes: number) =>
    `return [${LANES.map((i) => (i < lanes ? laneValue(i) : '0')).join(', ')}];`;
  if (rest === 0) return texel(4);
  if (c4 === 1) return texel(rest);
  return `if (${c} < ${channels - rest}) {\n${texel(4)}\n}\n${texel(rest)}`;
}

function shifted(position: string, before: number): string {
  if (before === 0) return position;
  return before > 0 ? `${position} - ${before}` : `${position} + ${-before}`;
}

/** The comparisons that keep a position inside [0, size), those that hold for all of [first, last] left out. */
function within(position: string, first: number, last: number, before: number, size: number): string[] {
  const tests = [];
  if (first - before < 0) tests.push(`${position} >= 0`);
  if (last - before >= size) tests.push(`${position} < ${size}`);
  return tests;
}
