import { quote, ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { padded, sliced } from './primitive-calls.ts';

/**
 * x with `value` (default 0) at the edges. As in PyTorch, `padding` goes from the last axis to the first, two numbers
 * an axis: [left, right, top, bottom, ...]. Negative numbers cut.
 * @throws ShapeError if `padding` does not fit x, or cuts more than there is
 */
export function pad(x: Tensor, padding: Shape, value = 0): Tensor {
  if (
    !Array.isArray(padding) ||
    padding.length % 2 !== 0 ||
    padding.length > 2 * x.rank ||
    !padding.every(Number.isInteger)
  ) {
    throw new ShapeError(
      `pad: padding wants two whole numbers for each of at most ${x.rank} axes, got ${quote(padding)}`,
    );
  }
  const from = x.shape;
  const edges = from.map((_, axis) => {
    const at = 2 * (from.length - 1 - axis);
    return { before: padding[at] ?? 0, after: padding[at + 1] ?? 0 };
  });
  if (inside(from, edges).some((size) => size < 0)) {
    throw new ShapeError(`pad: padding ${formatShape(padding)} cuts more than ${formatShape(from)} has`);
  }
  const opposite = edges.map(({ before, after }) => ({ before: -before, after: -after }));
  return record(framed(x, edges, value), {
    name: 'pad',
    inputs: [x],
    backward: (dy) => [framed(dy, opposite, 0)],
  });
}

type Edges = readonly { before: number; after: number }[];

/** What negative edges leave of a shape. */
const inside = (shape: Shape, edges: Edges): number[] =>
  shape.map((size, axis) => size + Math.min(edges[axis].before, 0) + Math.min(edges[axis].after, 0));

/** Cuts by the negative edges, then pads by the positive ones. */
function framed(x: Tensor, edges: Edges, value: number): Tensor {
  const starts = edges.map(({ before }) => Math.max(-before, 0));
  const cut = sliced(x, inside(x.shape, edges), starts);
  const grown = edges.map(
    ({ before, after }, axis) => [axis, { before: Math.max(before, 0), after: Math.max(after, 0) }] as const,
  );
  const output = padded(cut, new Map(grown), value);
  cut.dispose();
  return output;
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * Puts `value` (default 0) at the edges, with two counts an axis from the last to the first:
     * [left, right, top, bottom, ...]. Negative counts cut.
     * @throws ShapeError if the padding does not fit, or cuts more than there is
     */
    pad(padding: Shape, value?: number): Tensor;
  }
}
