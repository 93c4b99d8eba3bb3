/** Shapes and broadcasts of the corner cases. */
import type { Generator } from '../../../lib/tensor/random.ts';
import { between } from '../drawing.ts';

export const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
export const contiguous = (shape: readonly number[]) => shape.map((_, axis) => size(shape.slice(axis + 1)));

/** 0 to `rank` axes of 1 to `most`. */
export function shapeOf(random: Generator, rank: number, most: number): number[] {
  return Array.from({ length: between(random, 1, rank) }, () => between(random, 1, most));
}

/** Output axes, and for each operand strides that are 0 here and there. */
export function broadcast(random: Generator, operands: number) {
  const shape = shapeOf(random, 5, 6);
  const inputs = Array.from({ length: operands }, () => {
    const own = shape.map((n) => (random.random() < 0.3 ? 1 : n));
    const strides = contiguous(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
    return { length: size(own), strides };
  });
  return {
    geometry: { shape, strides: inputs.map((input) => input.strides) },
    lengths: inputs.map((i) => i.length),
  };
}
