import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { elementwise } from './elementwise.ts';

/** The bounds of `clamp`; one may be left out. */
export interface ClampOptions {
  /** Values below are this. */
  min?: number;
  /** Values above are this. */
  max?: number;
}

/** Both or either, as options or in this order. */
export type ClampBounds = [bounds: ClampOptions] | [min: number | null, max?: number];

/**
 * min(max(x, min), max) of each value: `clamp(x, { min: 0 })`, `clamp(x, 0, 1)`. The gradient passes where
 * min <= x <= max.
 * @throws ShapeError with neither bound
 */
export function clamp(x: Tensor, ...bounds: ClampBounds): Tensor {
  const [first, second] = bounds;
  const options =
    typeof first === 'object' && first !== null ? first : { min: first ?? undefined, max: second };
  const { min, max } = resolveOptions('clamp', options, { min: undefined, max: undefined });
  if (min === undefined && max === undefined) throw new ShapeError('clamp: wants min, max or both');
  if (max === undefined) return elementwise('maxScalar', x, min);
  if (min === undefined) return elementwise('minScalar', x, max);
  return tidy(() => elementwise('minScalar', elementwise('maxScalar', x, min), max));
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * min(max(x, min), max) of each value: `clamp({ min: 0 })`, `clamp(0, 1)`. The gradient passes where min <= x <= max.
     * @throws ShapeError with neither bound
     */
    clamp(...bounds: ClampBounds): Tensor;
  }
}
