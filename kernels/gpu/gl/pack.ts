import { type Program, quotient, remainder } from '../program.ts';

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

/**
 * x `[N, C, H, W]`, one value a texel -> `[N, C / 4, packedHeight, packedWidth]`, four channels a texel, with zeros
 * around the image and in the lanes beyond C: the kernels that read it check no bounds.
 */
export function packImage(image: PackedImage): Program {
  const { channels, height, width, packedHeight, packedWidth } = image;
  const c4 = quarters(channels);
  const row = shifted('this.thread.y', image.beforeHeight);
  const column = shifted('this.thread.x', image.beforeWidth);
  const bounds = [
    ...within(row, 0, packedHeight - 1, image.beforeHeight, height),
    ...within(column, 0, packedWidth - 1, image.beforeWidth, width),
  ];
  const values = `const n = ${quotient('this.thread.z', c4)};
const c = (this.thread.z - n * ${c4}) * 4;
${fourLanes(channels, c4, 'c', (lane) => `x[n][c + ${lane}][(${row}) * ${width} + ${column}]`)}`;
  return {
    inputs: [{ name: 'x', dims: [height * width, channels, image.batch] }],
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
  const at = (lane: number) =>
    transposed
      ? `w[this.thread.y][this.thread.z * 4 + ${lane}][this.thread.x]`
      : `w[this.thread.z * 4 + ${lane}][this.thread.y][this.thread.x]`;
  return {
    inputs: [{ name: 'w', dims: transposed ? [taps, rows, columns] : [taps, columns, rows] }],
    output: [taps, columns, r4],
    returns: 'Array(4)',
    body: fourLanes(rows, r4, 'this.thread.z * 4', at),
  };
}

/**
 * The tiles that a kernel map left in its outputs -> y `[N, C, H, W]`, one value a texel, with the bias added.
 * Output i * tileWidth + j holds pixel (i, j) of each tile, four channels a texel.
 */
export function unpackTiles(
  batch: number,
  channels: number,
  size: readonly [number, number],
  tile: readonly [number, number],
  tiles: readonly [number, number],
  bias: boolean,
): Program {
  const c4 = quarters(channels);
  const count = tile[0] * tile[1];
  return {
    inputs: [
      ...Array.from({ length: count }, (_, i) => ({
        name: `t${i}`,
        dims: [tiles[1], tiles[0], batch * c4] as const,
        lanes: true,
      })),
      ...(bias ? [{ name: 'bias' }] : []),
    ],
    output: [size[1], size[0], batch * channels],
    body: `const n = ${quotient('this.thread.z', channels)};
const c = this.thread.z - n * ${channels};
const c4 = ${quotient('c', 4)};
const ty = ${quotient('this.thread.y', tile[0])};
const tx = ${quotient('this.thread.x', tile[1])};
const p = ${remainder('this.thread.y', tile[0])} * ${tile[1]} + ${remainder('this.thread.x', tile[1])};
const lane = c - c4 * 4;
${pickOutput(count, (name) => `${name}[n * ${c4} + c4][ty][tx]`)}
return ${pickLane('lane')}${bias ? ' + bias[c]' : ''};`,
  };
}

/** `v`, the texel at a place of that output of a kernel map whose number is `p`. */
export function pickOutput(count: number, at: (name: string) => string): string {
  if (count === 1) return `const v = ${at('t0')};`;
  const branches = Array.from({ length: count }, (_, i) =>
    i + 1 < count ? `if (p < ${i}.5) { v = ${at(`t${i}`)}; }` : `{ v = ${at(`t${i}`)}; }`,
  );
  return `let v = [0.0, 0.0, 0.0, 0.0];\n${branches.join(' else ')}`;
}

/** The lane of `v` whose number is `lane`. */
export function pickLane(lane: string): string {
  return `(${lane} < 1.5 ? (${lane} < 0.5 ? v[0] : v[1]) : (${lane} < 2.5 ? v[2] : v[3]))`;
}

/** Returns four values, with zeros where the last texel of a row has channels to spare. */
function fourLanes(channels: number, c4: number, c: string, at: (lane: number) => string): string {
  const rest = channels % 4;
  const texel = (lanes: number) => `return [${LANES.map((i) => (i < lanes ? at(i) : '0')).join(', ')}];`;
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
