/** Tensors as text, in the manner of PyTorch's _tensor_str.py: the same digits, columns and line breaks. */
import { DeviceError } from '../errors.ts';
import { formatShape, type Shape, stridesOf } from './shape.ts';

/** What is printed of a tensor. */
interface Printable {
  readonly shape: Shape;
  readonly isDisposed: boolean;
  readonly device: { readonly name: string };
  readonly node: { readonly name: string } | null;
  readonly requiresGrad: boolean;
  dataSync(): Float32Array;
}

const PRECISION = 4;
const LINE_WIDTH = 80;
/** Tensors of more values are summarised: of an axis come the first and the last `EDGE_ITEMS`. */
const THRESHOLD = 1000;
const EDGE_ITEMS = 3;

const PREFIX = 'tensor(';

/** The values, shape and device; where values cannot be had at once, the reason, which says how they can. */
export function printTensor(tensor: Printable): string {
  const { shape } = tensor;
  if (tensor.isDisposed) return `${PREFIX}<disposed>, shape=${formatShape(shape)})`;
  const facts = [`shape=${formatShape(shape)}`, `device='${tensor.device.name}'`];
  if (tensor.node) facts.push(`gradFn='${tensor.node.name}'`);
  else if (tensor.requiresGrad) facts.push('requiresGrad=true');
  return withFacts(PREFIX + valuesOf(tensor), facts);
}

function valuesOf(tensor: Printable): string {
  try {
    return printValues(tensor.dataSync(), tensor.shape);
  } catch (error) {
    if (error instanceof DeviceError) return `<${error.message}>`;
    throw error;
  }
}

/** Puts facts behind the values, on new lines where they would be too long. */
function withFacts(values: string, facts: readonly string[]): string {
  let text = values;
  let column = values.length - values.lastIndexOf('\n') - 1;
  for (const fact of facts) {
    const breaks = column + fact.length + 3 > LINE_WIDTH;
    text += breaks ? `,\n${' '.repeat(PREFIX.length)}${fact}` : `, ${fact}`;
    column = (breaks ? PREFIX.length : column + 2) + fact.length;
  }
  return `${text})`;
}

/** The indices of an axis that are shown; null stands for those left out. */
function shownIndices(size: number, summarize: boolean): (number | null)[] {
  const range = (start: number, length: number) => Array.from({ length }, (_, i) => start + i);
  if (!summarize || size <= 2 * EDGE_ITEMS) return range(0, size);
  return [...range(0, EDGE_ITEMS), null, ...range(size - EDGE_ITEMS, EDGE_ITEMS)];
}

/** Nested lists of numbers in columns, indented to stand behind `tensor(`. */
function printValues(data: Float32Array, shape: Shape): string {
  if (data.length === 0) return '[]';
  const strides = stridesOf(shape);
  const shown = shape.map((size) => shownIndices(size, data.length > THRESHOLD));
  const visible = (axis: number, start: number): number[] =>
    axis === shape.length
      ? [data[start]]
      : shown[axis].flatMap((i) => (i === null ? [] : visible(axis + 1, start + i * strides[axis])));
  const { width, write } = columnOf(visible(0, 0));

  const print = (axis: number, start: number, indent: number): string => {
    if (axis === shape.length) return write(data[start]);
    const isRow = axis === shape.length - 1;
    const items = shown[axis].map((i) => {
      if (i === null) return isRow ? ' ...' : '...';
      return print(axis + 1, start + i * strides[axis], indent + 1);
    });
    const perLine = isRow ? Math.max(1, Math.floor((LINE_WIDTH - indent) / (width + 2))) : 1;
    const lines = Array.from({ length: Math.ceil(items.length / perLine) }, (_, line) =>
      items.slice(line * perLine, (line + 1) * perLine).join(', '),
    );
    const breaks = isRow ? 1 : shape.length - 1 - axis;
    return `[${lines.join(`,${'\n'.repeat(breaks)}${' '.repeat(indent + 1)}`)}]`;
  };
  return print(0, 0, PREFIX.length);
}

/** How the numbers of one tensor are written, so that they stand in columns. */
function columnOf(values: readonly number[]): { width: number; write: (value: number) => string } {
  const telling = values.filter((value) => Number.isFinite(value) && value !== 0);
  const most = telling.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
  const least = telling.reduce((size, value) => Math.min(size, Math.abs(value)), Number.POSITIVE_INFINITY);
  const areWhole = telling.every(Number.isInteger);
  const isWide = most / least > 1000 || most > 1e8 || (!areWhole && least < 1e-4);
  const digits = isWide ? scientific : areWhole ? whole : decimal;
  const width = telling.reduce((widest, value) => Math.max(widest, digits(value).length), 1);
  const text = (value: number): string => {
    if (Number.isNaN(value)) return 'nan';
    const size = Math.abs(value);
    const sign = value < 0 || Object.is(value, -0) ? '-' : '';
    return sign + (size === Number.POSITIVE_INFINITY ? 'inf' : digits(size));
  };
  return { width, write: (value) => text(value).padStart(width) };
}

const whole = (value: number): string => `${value.toFixed(0)}.`;

const decimal = (value: number): string => roundHalfEven(value.toFixed(PRECISION), value.toFixed(40));

const scientific = (value: number): string =>
  roundHalfEven(value.toExponential(PRECISION), value.toExponential(40)).replace(/(?<=e.)\d$/, '0$&');

/** JavaScript rounds 0.03125 up, Python to the even digit: of `exact`, that one; otherwise `rounded`. */
function roundHalfEven(rounded: string, exact: string): string {
  const [mantissa, exponent = ''] = exact.split(/(?=e)/);
  const kept = mantissa.slice(0, mantissa.indexOf('.') + 1 + PRECISION);
  const isTie = /^50*$/.test(mantissa.slice(kept.length));
  return isTie && Number(kept.at(-1)) % 2 === 0 ? kept + exponent : rounded;
}
