import type { PlainConv2d } from '../plain.ts';
import type { Conv2dGeometry, Storage } from '../primitives.ts';
import { type Family, type GpuMachine, keyOf, present } from './machine.ts';
import { type Program, type ProgramInput, quotient, remainder } from './program/program.ts';
import {
  horizontalAxis,
  inputPosition,
  insideInput,
  type Margin,
  outputMargin,
  verticalAxis,
  when,
  windowsOf,
} from './program/windows.ts';
import { reduceAxis } from './reduce.ts';

/** x `[N, C, H, W]` * w `[O, C/g, kh, kw]` (+ b `[O]`): one output a thread. */
function conv2dProgram(g: Conv2dGeometry, bias: boolean): Program {
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
function conv2dInputGradProgram(g: Conv2dGeometry): Program {
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
function weightGradRows(g: Conv2dGeometry): number {
  const rows = g.batch * g.outHeight;
  const weights = (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups;
  const exact = Math.max(1, Math.floor(TERMS / g.outWidth));
  const busy = Math.max(1, Math.ceil((rows * weights) / THREADS));
  return Math.min(rows, exact, busy);
}

/** dw in parts, `[parts, O, C/g, kh, kw]`: each thread sums over `rowsEach` rows of dy. One part is the gradient. */
function conv2dWeightGradProgram(g: Conv2dGeometry, rowsEach: number): Program {
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

const total = ({ before, after }: Margin): number => before + after;
const isPadded = (g: Conv2dGeometry): boolean => g.paddingHeight + g.paddingWidth > 0;

export function convolution<S extends Storage>(
  machine: GpuMachine<S>,
  { pad }: Family<S, 'pad'>,
): PlainConv2d<S> & Family<S, 'conv2dInputGrad' | 'conv2dWeightGrad'> {
  /** Calls `use` with the planes padded with zeros; frees them afterwards. */
  function amongZeros(
    x: S,
    shape: readonly number[],
    vertical: Margin,
    horizontal: Margin,
    use: (padded: S) => S,
  ): S {
    const padded = pad(x, {
      shape,
      before: [0, vertical.before, horizontal.before],
      after: [0, vertical.after, horizontal.after],
      interior: [0, 0, 0],
      value: 0,
    });
    const result = use(padded);
    machine.free(padded);
    return result;
  }

  /** Calls `use` with the input among the zeros of its padding: its loops need no conditions then. */
  function unpadded(x: S, g: Conv2dGeometry, use: (padded: S, plain: Conv2dGeometry) => S): S {
    const { paddingHeight, paddingWidth } = g;
    const vertical = { before: paddingHeight, after: paddingHeight };
    const horizontal = { before: paddingWidth, after: paddingWidth };
    const inHeight = g.inHeight + 2 * paddingHeight;
    const inWidth = g.inWidth + 2 * paddingWidth;
    const plain = { ...g, inHeight, inWidth, paddingHeight: 0, paddingWidth: 0 };
    const planes = [g.batch * g.inChannels, g.inHeight, g.inWidth];
    return amongZeros(x, planes, vertical, horizontal, (padded) => use(padded, plain));
  }

  function conv2dForward(x: S, w: S, bias: S | null, g: Conv2dGeometry): S {
    if (isPadded(g)) return unpadded(x, g, (padded, plain) => conv2dForward(padded, w, bias, plain));
    const length = g.batch * g.outChannels * g.outHeight * g.outWidth;
    const build = () => conv2dProgram(g, bias !== null);
    return machine.run(length, keyOf('conv2d', g, bias !== null), build, present(x, w, bias));
  }

  function conv2dInputGrad(dy: S, w: S, g: Conv2dGeometry): S {
    const vertical = outputMargin(verticalAxis(g));
    const horizontal = outputMargin(horizontalAxis(g));
    if (vertical && horizontal && total(vertical) + total(horizontal) > 0) {
      const planes = [g.batch * g.outChannels, g.outHeight, g.outWidth];
      return amongZeros(dy, planes, vertical, horizontal, (padded) =>
        conv2dInputGrad(padded, w, {
          ...g,
          outHeight: g.outHeight + total(vertical),
          outWidth: g.outWidth + total(horizontal),
          paddingHeight: g.paddingHeight + vertical.before,
          paddingWidth: g.paddingWidth + horizontal.before,
        }),
      );
    }
    const length = g.batch * g.inChannels * g.inHeight * g.inWidth;
    return machine.run(length, keyOf('conv2dInputGrad', g), () => conv2dInputGradProgram(g), [dy, w]);
  }

  function conv2dWeightGrad(x: S, dy: S, g: Conv2dGeometry): S {
    if (isPadded(g)) return unpadded(x, g, (padded, plain) => conv2dWeightGrad(padded, dy, plain));
    const rows = weightGradRows(g);
    const parts = Math.ceil((g.batch * g.outHeight) / rows);
    const length = (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups;
    const build = () => conv2dWeightGradProgram(g, rows);
    const partial = machine.run(parts * length, keyOf('conv2dWeightGrad', g), build, [x, dy]);
    if (parts === 1) return partial;
    const sum = reduceAxis(machine, 'sum', partial, 1, parts, length);
    machine.free(partial);
    return sum;
  }

  return { conv2dForward, conv2dInputGrad, conv2dWeightGrad };
}
