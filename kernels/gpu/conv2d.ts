import type { Conv2dGeometry } from '../primitives.ts';
import { type Program, type ProgramInput, quotient, remainder } from './program/program.ts';
import {
  horizontalAxis,
  inputPosition,
  insideInput,
  verticalAxis,
  when,
  windowsOf,
} from './program/windows.ts';

/** x `[N, C, H, W]` * w `[O, C/g, kh, kw]` (+ b `[O]`): one output a thread. */
export function conv2dProgram(g: Conv2dGeometry, bias: boolean): Program {
  const channels = g.inChannels / g.groups;
  const vertical = verticalAxis(g);
  const horizontal = horizontalAxis(g);
  const row = inputPosition(vertical, 'this.thread.y', 'ky');
  const column = inputPosition(horizontal, 'this.thread.x', 'kx');
  const inputs: ProgramInput[] = [
    { name: 'x', dims: [g.inWidth, g.inHeight, g.batch * g.inChannels] },
    { name: 'w', dims: [g.kernelWidth, g.kernelHeight, g.outChannels * channels] },
  ];
  if (bias) inputs.push({ name: 'b' });
  const product = (kx: string) =>
    `x[plane + c][${row}][${inputPosition(horizontal, 'this.thread.x', kx)}] * w[filter + c][ky][${kx}]`;
  const inside = insideInput(horizontal, column);
  return {
    inputs,
    output: [g.outWidth, g.outHeight, g.batch * g.outChannels],
    body: `const n = ${quotient('this.thread.z', g.outChannels)};
const o = this.thread.z - n * ${g.outChannels};
const plane = n * ${g.inChannels}${groupStart(g, 'o', channels)};
const filter = o * ${channels};
let acc = ${bias ? 'b[o]' : '0.0'};
for (let c = 0; c < ${channels}; c++) {
for (let ky = 0; ky < ${g.kernelHeight}; ky++) {
${when([insideInput(vertical, row)], taps('kx', g.kernelWidth, inside, product))}
}
}
return acc;`,
  };
}

/** dx `[N, C, H, W]`: each input gathers from the windows that it was in. */
export function conv2dInputGradProgram(g: Conv2dGeometry): Program {
  const channels = g.inChannels / g.groups;
  const filters = g.outChannels / g.groups;
  const rows = windowsOf(verticalAxis(g), 'this.thread.y', 'y');
  const columns = windowsOf(horizontalAxis(g), 'this.thread.x', 'x');
  const vertical = rows.candidate('iy');
  const horizontal = columns.candidate('ix');
  const product = (ix: string) => {
    const { tap, out } = columns.candidate(ix);
    return `dy[plane + f][${vertical.out}][${out}] * w[filter + f * ${channels}][${vertical.tap}][${tap}]`;
  };
  const group = quotient('c', channels);
  return {
    inputs: [
      { name: 'dy', dims: [g.outWidth, g.outHeight, g.batch * g.outChannels] },
      { name: 'w', dims: [g.kernelWidth, g.kernelHeight, g.outChannels * channels] },
    ],
    output: [g.inWidth, g.inHeight, g.batch * g.inChannels],
    body: `const n = ${quotient('this.thread.z', g.inChannels)};
const c = this.thread.z - n * ${g.inChannels};
${
  g.groups === 1
    ? `const plane = n * ${g.outChannels};\nconst filter = c;`
    : `const group = ${group};
const plane = n * ${g.outChannels} + group * ${filters};
const filter = group * ${filters * channels} + c - group * ${channels};`
}
${rows.prelude}
${columns.prelude}
let acc = 0.0;
for (let f = 0; f < ${filters}; f++) {
for (let iy = 0; iy < ${rows.count}; iy++) {
${when([vertical.valid], taps('ix', columns.count, horizontal.valid, product))}
}
}
return acc;`,
  };
}

/** Adds the products of a row of taps: written out where none is to be left out, else in a loop over those inside. */
function taps(variable: string, count: number, inside: string, product: (tap: string) => string): string {
  if (inside === '' && count <= UNROLLED) {
    return `acc += ${Array.from({ length: count }, (_, tap) => product(`${tap}`)).join(' + ')};`;
  }
  return `for (let ${variable} = 0; ${variable} < ${count}; ${variable}++) {\n${when([inside], `acc += ${product(variable)};`)}\n}`;
}

/** Taps of a row that are written out. */
const UNROLLED = 11;

/** Terms that one thread of the weight gradient sums at most; the rest is up to more threads and a second pass. */
const TERMS = 2048;
/** Threads that keep a GPU busy. */
const THREADS = 1 << 16;

/** Rows of dy (of the batch * outHeight there are) that each thread of the weight gradient takes. */
export function weightGradRows(g: Conv2dGeometry): number {
  const rows = g.batch * g.outHeight;
  const weights = (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups;
  const exact = Math.max(1, Math.floor(TERMS / g.outWidth));
  const busy = Math.max(1, Math.ceil((rows * weights) / THREADS));
  return Math.min(rows, exact, busy);
}

/** dw in parts, `[parts, O, C/g, kh, kw]`: each thread sums over `rowsEach` rows of dy. One part is the gradient. */
export function conv2dWeightGradProgram(g: Conv2dGeometry, rowsEach: number): Program {
  const channels = g.inChannels / g.groups;
  const rows = g.batch * g.outHeight;
  const parts = Math.ceil(rows / rowsEach);
  const weights = g.outChannels * channels;
  const taps = g.kernelHeight * g.kernelWidth;
  const vertical = verticalAxis(g);
  const horizontal = horizontalAxis(g);
  const y = inputPosition(vertical, 'oy', 'ky');
  const x = inputPosition(horizontal, 'ox', 'kx');
  const weight = 'this.thread.y';
  const part = 'this.thread.z';
  const row = parts === 1 ? 'r' : `${part} * ${rowsEach} + r`;
  const term = `acc += x[plane][${y}][ox${x.slice(2)}] * dy[map][oy][ox];`;
  const rowBody = `const n = ${quotient(`(${row})`, g.outHeight)};
const oy = ${row} - n * ${g.outHeight};
const plane = n * ${g.inChannels} + c;
const map = n * ${g.outChannels} + o;
${when(
  [insideInput(vertical, `(${y})`)],
  `for (let ox = 0; ox < ${g.outWidth}; ox++) {\n${when([insideInput(horizontal, x)], term)}\n}`,
)}`;
  return {
    inputs: [
      { name: 'x', dims: [g.inWidth, g.inHeight, g.batch * g.inChannels] },
      { name: 'dy', dims: [g.outWidth, g.outHeight, g.batch * g.outChannels] },
    ],
    output: [taps, weights, parts],
    body: `const ky = ${quotient('this.thread.x', g.kernelWidth)};
const kx = ${remainder('this.thread.x', g.kernelWidth)};
const o = ${quotient(weight, channels)};
const c = ${weight} - o * ${channels}${groupStart(g, 'o', channels)};
let acc = 0.0;
for (let r = 0; r < ${rowsEach}; r++) {
${when([parts * rowsEach === rows ? '' : `${row} < ${rows}`], rowBody)}
}
return acc;`,
  };
}

/** + the first channel of o's group */
function groupStart(g: Conv2dGeometry, o: string, channels: number): string {
  return g.groups === 1 ? '' : ` + ${quotient(o, g.outChannels / g.groups)} * ${channels}`;
}
