import type {
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  MaxPool2dGeometry,
  Pool2dGeometry,
  Storage,
} from '../primitives.ts';
import { type Family, type GpuMachine, keyOf } from './machine.ts';
import { float, isNaNText, type Program, quotient } from './program/program.ts';
import {
  horizontalAxis,
  inputPosition,
  insideInput,
  verticalAxis,
  type WindowAxis,
  when,
  windowsOf,
} from './program/windows.ts';

type Planes = Pick<Pool2dGeometry, 'batch' | 'channels' | 'inHeight' | 'inWidth' | 'outHeight' | 'outWidth'>;

const inputDims = (g: Planes) => [g.inWidth, g.inHeight, g.batch * g.channels] as const;
const outputDims = (g: Planes) => [g.outWidth, g.outHeight, g.batch * g.channels] as const;

/** The position y * inWidth + x of each window's maximum: the first of equals, the last NaN if there is one. */
function maxPool2dIndicesProgram(g: MaxPool2dGeometry): Program {
  const vertical = verticalAxis(g);
  const horizontal = horizontalAxis(g);
  const row = inputPosition(vertical, 'this.thread.y', 'ky');
  const column = inputPosition(horizontal, 'this.thread.x', 'kx');
  const compare = `const v = x[this.thread.z][${row}][${column}];
if (winner < 0 || v > best || ${isNaNText('v')}) {
best = v;
winner = (${row}) * ${g.inWidth} + ${column};
}`;
  return {
    inputs: [{ name: 'x', dims: inputDims(g) }],
    output: outputDims(g),
    body: `let best = 0.0;
let winner = -1.0;
${windowLoops(g, vertical, row, horizontal, column, compare)}
return winner;`,
  };
}

/** Loops over the part of the window that lies inside the input. */
export function windowLoops(
  g: Pool2dGeometry,
  vertical: WindowAxis,
  row: string,
  horizontal: WindowAxis,
  column: string,
  statement: string,
): string {
  const inner = `for (let kx = 0; kx < ${g.kernelWidth}; kx++) {\n${when([insideInput(horizontal, column)], statement)}\n}`;
  return `for (let ky = 0; ky < ${g.kernelHeight}; ky++) {\n${when([insideInput(vertical, row)], inner)}\n}`;
}

/** The values at those positions; -Infinity, as PyTorch's, where dilation stepped over every pixel of a window. */
function maxPool2dOutputProgram(g: MaxPool2dGeometry): Program {
  const winner = 'indices[this.thread.z][this.thread.y][this.thread.x]';
  const maybeEmpty = g.dilationHeight > 1 || g.dilationWidth > 1;
  return {
    inputs: [
      { name: 'x', dims: [g.inHeight * g.inWidth, g.batch * g.channels, 1] },
      { name: 'indices', dims: outputDims(g) },
    ],
    output: outputDims(g),
    body: maybeEmpty
      ? `let position = ${winner};
const past = position + 1.0;
if (position < 0.0) { position = 0.0; }
let r = x[this.thread.z][position];
if (past == 0.0) { r = -1.0 / (past * past); }
return r;`
      : `return x[this.thread.z][${winner}];`,
  };
}

/** dx: each input gathers from the windows that it won. */
function maxPool2dGradProgram(g: MaxPool2dGeometry): Program {
  const { prelude, loops } = gatherLoops(
    g,
    (row, column) =>
      `if (indices[this.thread.z][${row}][${column}] == this.thread.y * ${g.inWidth} + this.thread.x) {
acc += dy[this.thread.z][${row}][${column}];
}`,
  );
  return {
    inputs: [
      { name: 'dy', dims: outputDims(g) },
      { name: 'indices', dims: outputDims(g) },
    ],
    output: inputDims(g),
    body: `${prelude}\nlet acc = 0.0;\n${loops}\nreturn acc;`,
  };
}

/** Loops over the windows that hold this thread's input. */
export function gatherLoops(g: Pool2dGeometry, statement: (row: string, column: string) => string) {
  const rows = windowsOf(verticalAxis(g), 'this.thread.y', 'y');
  const columns = windowsOf(horizontalAxis(g), 'this.thread.x', 'x');
  const vertical = rows.candidate('iy');
  const horizontal = columns.candidate('ix');
  const inner = `for (let ix = 0; ix < ${columns.count}; ix++) {\n${when([horizontal.valid], statement(vertical.out, horizontal.out))}\n}`;
  return {
    prelude: `${rows.prelude}\n${columns.prelude}`,
    loops: `for (let iy = 0; iy < ${rows.count}; iy++) {\n${when([vertical.valid], inner)}\n}`,
  };
}

function avgPool2dProgram(g: AvgPool2dGeometry): Program {
  const vertical = verticalAxis(g);
  const horizontal = horizontalAxis(g);
  const row = inputPosition(vertical, 'this.thread.y', 'ky');
  const column = inputPosition(horizontal, 'this.thread.x', 'kx');
  const add = `acc += x[this.thread.z][${row}][${column}];`;
  return {
    inputs: [{ name: 'x', dims: inputDims(g) }],
    output: outputDims(g),
    body: `let acc = 0.0;
${windowLoops(g, vertical, row, horizontal, column, add)}
return acc / ${divisor(g, 'this.thread.y', 'this.thread.x')};`,
  };
}

/** dx: the sum of dy / divisor over the windows that hold the input. */
function avgPool2dGradProgram(g: AvgPool2dGeometry): Program {
  const { prelude, loops } = gatherLoops(
    g,
    (row, column) => `acc += dy[this.thread.z][${row}][${column}] / ${divisor(g, row, column)};`,
  );
  return {
    inputs: [{ name: 'dy', dims: outputDims(g) }],
    output: inputDims(g),
    body: `${prelude}\nlet acc = 0.0;\n${loops}\nreturn acc;`,
  };
}

/** What a window's sum is divided by: a literal wherever all windows agree. */
export function divisor(g: AvgPool2dGeometry, row: string, column: string): string {
  if (g.divisorOverride !== 0) return float(g.divisorOverride);
  const height = windowLength(verticalAxis(g), row, g.countIncludePad);
  const width = windowLength(horizontalAxis(g), column, g.countIncludePad);
  if (typeof height === 'number' && typeof width === 'number') return float(height * width);
  return `(${height} * ${width})`;
}

/** A window's extent: up to the padded edges, or only inside the input. */
function windowLength(axis: WindowAxis, out: string, padded: boolean): string | number {
  const { kernel, stride, padding, input, output } = axis;
  const low = padded ? -padding : 0;
  const high = padded ? input + padding : input;
  const last = (output - 1) * stride - padding;
  if (-padding >= low && last + kernel <= high) return kernel;
  const start = `${out} * ${stride} - ${padding}`;
  return `(Math.min(${start} + ${kernel}, ${float(high)}) - Math.max(${start}, ${float(low)}))`;
}

/** The mean over [floor(i*s/n), ceil((i+1)*s/n)) along both axes. */
function adaptiveAvgPool2dProgram(g: AdaptivePool2dGeometry): Program {
  const rows = adaptiveWindow(g.inHeight, g.outHeight, 'this.thread.y');
  const columns = adaptiveWindow(g.inWidth, g.outWidth, 'this.thread.x');
  return {
    inputs: [{ name: 'x', dims: inputDims(g) }],
    output: outputDims(g),
    body: `const y0 = ${rows.start};
const y1 = ${rows.end};
const x0 = ${columns.start};
const x1 = ${columns.end};
let acc = 0.0;
for (let iy = 0; iy < ${rows.longest}; iy++) {
${when(
  [rows.equal ? '' : 'y0 + iy < y1'],
  `for (let ix = 0; ix < ${columns.longest}; ix++) {
${when([columns.equal ? '' : 'x0 + ix < x1'], 'acc += x[this.thread.z][y0 + iy][x0 + ix];')}
}`,
)}
}
return acc / ((y1 - y0) * (x1 - x0));`,
  };
}

/** dx: the sum of dy / size over the windows that hold the input. */
function adaptiveAvgPool2dGradProgram(g: AdaptivePool2dGeometry): Program {
  const rows = adaptiveWindow(g.inHeight, g.outHeight, '(oy0 + iy)');
  const columns = adaptiveWindow(g.inWidth, g.outWidth, '(ox0 + ix)');
  // The windows over position p start at floor(p*n/s), and end before ceil((p+1)*n/s).
  const vertical = adaptiveWindow(g.outHeight, g.inHeight, 'this.thread.y');
  const horizontal = adaptiveWindow(g.outWidth, g.inWidth, 'this.thread.x');
  const add = `acc += dy[this.thread.z][oy0 + iy][ox0 + ix] / ((${rows.end} - ${rows.start}) * (${columns.end} - ${columns.start}));`;
  return {
    inputs: [{ name: 'dy', dims: outputDims(g) }],
    output: inputDims(g),
    body: `const oy0 = ${vertical.start};
const oy1 = ${vertical.end};
const ox0 = ${horizontal.start};
const ox1 = ${horizontal.end};
let acc = 0.0;
for (let iy = 0; iy < ${vertical.longest}; iy++) {
${when(
  [vertical.equal ? '' : 'oy0 + iy < oy1'],
  `for (let ix = 0; ix < ${horizontal.longest}; ix++) {
${when([horizontal.equal ? '' : 'ox0 + ix < ox1'], add)}
}`,
)}
}
return acc;`,
  };
}

/** Window `i` of `count` over `size`, its texts and its greatest length. */
function adaptiveWindow(size: number, count: number, i: string) {
  const lengths = Array.from(
    { length: count },
    (_, k) => Math.ceil(((k + 1) * size) / count) - Math.floor((k * size) / count),
  );
  const longest = Math.max(...lengths);
  return {
    start: quotient(`${i} * ${size}`, count),
    // ceil(a / b) = floor((a + b - 1) / b)
    end: quotient(`((${i} + 1) * ${size} + ${count - 1})`, count),
    longest,
    equal: lengths.every((length) => length === longest),
  };
}

const inputLength = (g: Planes): number => g.batch * g.channels * g.inHeight * g.inWidth;
const outputLength = (g: Planes): number => g.batch * g.channels * g.outHeight * g.outWidth;

type Pools =
  | 'maxPool2d'
  | 'maxPool2dGrad'
  | 'avgPool2d'
  | 'avgPool2dGrad'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dGrad';

export function pooling<S extends Storage>({ run }: GpuMachine<S>): Family<S, Pools> {
  return {
    maxPool2d(x, g) {
      const length = outputLength(g);
      const indices = run(length, keyOf('maxPool2dIndices', g), () => maxPool2dIndicesProgram(g), [x]);
      const build = () => maxPool2dOutputProgram(g);
      return { output: run(length, keyOf('maxPool2dOutput', g), build, [x, indices]), indices };
    },
    maxPool2dGrad: (dy, indices, g) =>
      run(inputLength(g), keyOf('maxPool2dGrad', g), () => maxPool2dGradProgram(g), [dy, indices]),
    avgPool2d: (x, g) => run(outputLength(g), keyOf('avgPool2d', g), () => avgPool2dProgram(g), [x]),
    avgPool2dGrad: (dy, g) =>
      run(inputLength(g), keyOf('avgPool2dGrad', g), () => avgPool2dGradProgram(g), [dy]),
    adaptiveAvgPool2d: (x, g) =>
      run(outputLength(g), keyOf('adaptiveAvgPool2d', g), () => adaptiveAvgPool2dProgram(g), [x]),
    adaptiveAvgPool2dGrad: (dy, g) =>
      run(inputLength(g), keyOf('adaptiveAvgPool2dGrad', g), () => adaptiveAvgPool2dGradProgram(g), [dy]),
  };
}
