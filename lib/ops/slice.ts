import { quote, ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, normalizeAxis } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { padded, sliced } from './primitive-calls.ts';
import { reshape } from './reshape.ts';

/**
 * x[..., start:end:step, ...] along one axis, with Python's rules: negative indices count from the end, indices beyond
 * the ends are moved to them.
 * @param start default 0
 * @param end default the axis' size
 * @param step default 1
 * @throws ShapeError for an axis out of range, a step that is no whole number > 0, or indices that are no whole numbers
 */
export function slice(x: Tensor, axis: number, start = 0, end?: number, step = 1): Tensor {
  const along = normalizeAxis('slice', axis, x.rank);
  const size = x.shape[along];
  if (!(Number.isInteger(step) && step > 0)) {
    throw new ShapeError(`slice: step wants a whole number > 0, got ${step}`);
  }
  const [from, to] = [start, end ?? size];
  if (!Number.isInteger(from) || !Number.isInteger(to)) {
    throw new ShapeError(`slice: places want whole numbers, got ${from} and ${to}`);
  }
  const place = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  const first = place(from);
  const count = Math.max(0, Math.ceil((place(to) - first) / step));
  const after = count === 0 ? size - first : size - first - (count - 1) * step - 1;
  const starts = x.shape.map((_, i) => (i === along ? first : 0));
  const steps = x.shape.map((_, i) => (i === along ? step : 1));
  return record(sliced(x, x.shape.with(along, count), starts, steps), {
    name: 'slice',
    inputs: [x],
    backward: (dy) => [padded(dy, new Map([[along, { before: first, after, interior: step - 1 }]]))],
  });
}

/** x[..., index, ...]: one index of an axis, which is dropped. @throws ShapeError if it is out of range */
export function select(x: Tensor, axis: number, index: number): Tensor {
  const along = normalizeAxis('select', axis, x.rank);
  const size = x.shape[along];
  const at = index < 0 ? index + size : index;
  if (!Number.isInteger(at) || at < 0 || at >= size) {
    throw new ShapeError(
      `select: index ${index} is out of range for axis ${axis} of ${formatShape(x.shape)}, want ${-size}..${size - 1}`,
    );
  }
  return tidy(() => reshape(slice(x, along, at, at + 1), x.shape.toSpliced(along, 1)));
}

/**
 * Parts of `size` along an axis (default 0), the last one smaller if need be; or of the given sizes; as torch.split.
 * @throws ShapeError for a size that is no whole number > 0, or sizes that do not add up to the axis'
 */
export function split(x: Tensor, size: number | readonly number[], axis = 0): Tensor[] {
  const along = normalizeAxis('split', axis, x.rank);
  const total = x.shape[along];
  if (typeof size === 'number') {
    if (!(Number.isInteger(size) && size > 0)) {
      throw new ShapeError(`split: size wants a whole number > 0, got ${size}`);
    }
    return Array.from({ length: Math.max(1, Math.ceil(total / size)) }, (_, i) =>
      slice(x, along, i * size, (i + 1) * size),
    );
  }
  if (!Array.isArray(size) || !size.every((part) => Number.isInteger(part) && part >= 0)) {
    throw new ShapeError(`split: sizes want whole numbers >= 0, got ${quote(size)}`);
  }
  if (size.reduce((sum, part) => sum + part, 0) !== total) {
    throw new ShapeError(
      `split: sizes ${formatShape(size)} do not add up to ${total}, axis ${axis} of ${formatShape(x.shape)}`,
    );
  }
  let start = 0;
  return size.map((part) => {
    start += part;
    return slice(x, along, start - part, start);
  });
}

const MAX_CHUNKS = 2 ** 24;

/**
 * At most `chunks` parts of one size along an axis (default 0), the last one smaller if need be, as torch.chunk; of an
 * empty axis, `chunks` empty parts.
 * @throws ShapeError for a number that is no whole number from 1 on, or too large
 */
export function chunk(x: Tensor, chunks: number, axis = 0): Tensor[] {
  if (!(Number.isInteger(chunks) && chunks > 0 && chunks <= MAX_CHUNKS)) {
    throw new ShapeError(`chunk: wants a whole number of chunks from 1 to ${MAX_CHUNKS}, got ${chunks}`);
  }
  const total = x.shape[normalizeAxis('chunk', axis, x.rank)];
  if (total === 0) return split(x, new Array(chunks).fill(0), axis);
  return split(x, Math.max(1, Math.ceil(total / chunks)), axis);
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** x[..., start:end:step, ...] along an axis, with Python's rules; by default all of it. */
    slice(axis: number, start?: number, end?: number, step?: number): Tensor;
    /** x[..., index, ...]: one index of an axis, which is dropped. @throws ShapeError if it is out of range */
    select(axis: number, index: number): Tensor;
    /** Parts of a size along an axis (default 0), the last one smaller if need be; or of the given sizes. */
    split(size: number | readonly number[], axis?: number): Tensor[];
    /** At most this many parts of one size along an axis (default 0), the last one smaller if need be. */
    chunk(chunks: number, axis?: number): Tensor[];
  }
}
