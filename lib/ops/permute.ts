import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { formatShape, type Listed, listOf, normalizeAxis, type Shape, stridesOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { strided } from './primitive-calls.ts';

/**
 * Axis i of the result is axis `order[i]` of x: `permute(x, 0, 2, 1)`, `permute(x, [0, 2, 1])`.
 * @throws ShapeError if the order does not name each axis once
 */
export function permute(x: Tensor, ...listed: Listed): Tensor {
  const order = listOf(listed);
  const { rank } = x;
  const axes = order.map((axis) => normalizeAxis('permute', axis, rank));
  if (axes.length !== rank || new Set(axes).size !== rank) {
    throw new ShapeError(
      `permute: ${formatShape(order)} does not name each axis of ${formatShape(x.shape)} once`,
    );
  }
  const inverse = axes.map((_, axis) => axes.indexOf(axis));
  return record(permuted(x, axes), {
    name: 'permute',
    inputs: [x],
    backward: (dy) => [permuted(dy, inverse)],
  });
}

/** Exchanges two axes. */
export function transpose(x: Tensor, axis0: number, axis1: number): Tensor {
  const first = normalizeAxis('transpose', axis0, x.rank);
  const second = normalizeAxis('transpose', axis1, x.rank);
  const order = x.shape.map((_, axis) => axis);
  [order[first], order[second]] = [second, first];
  return permute(x, order);
}

function permuted(x: Tensor, axes: Shape): Tensor {
  const strides = stridesOf(x.shape);
  return strided(
    x,
    axes.map((axis) => x.shape[axis]),
    axes.map((axis) => strides[axis]),
  );
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * Axis i of the result is axis `order[i]` of this: `permute(0, 2, 1)`, `permute([0, 2, 1])`.
     * @throws ShapeError if the order does not name each axis once
     */
    permute(...order: Listed): Tensor;
    /** Exchanges two axes. */
    transpose(axis0: number, axis1: number): Tensor;
  }
}
