/**
 * The transforms of Winograd's F(4x4, 3x3) (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015):
 * Y = A^T [(G g G^T) * (B^T d B)] A for a 4x4 tile Y of outputs, the 6x6 input tile d that it reads, and a 3x3
 * kernel g. The elementwise product, summed over channels, is 36 matrix products with 4 times fewer multiplications.
 *
 * The matrices are the Cook-Toom ones of the points 0, +-3/4, +-3/2 and infinity rather than the usual 0, +-1, +-2:
 * every constant of A and B is exact in float32, and the errors, measured on normal random values, are 1.5 times those
 * of the direct sum instead of 6 times.
 */
import type { FunctionBuilder } from '../emit/assembler.ts';
import type { Local, V128 } from '../emit/values.ts';

/** Rows (and columns) of an output tile and of an input tile, and the points of a transformed tile. */
export const TILE = 4;
export const ALPHA = 6;
export const ALPHA_SQUARED = ALPHA * ALPHA;

const a = 3 / 4;
const b = 3 / 2;
const [aa, bb] = [a * a, b * b];
/** The products of a point's differences from the other points. */
const [n0, na, nb] = [aa * bb, 2 * aa * (aa - bb), 2 * bb * (bb - aa)];

/** A matrix times a vector, whose elements are vectors of independent lanes. */
export type Transform = (f: FunctionBuilder, values: readonly V128[], fused: boolean) => V128[];

/** B^T d: 6 to 6. */
export const inputTransform: Transform = (f, [d0, d1, d2, d3, d4, d5], fused) => {
  const pair = (even: number, odd: number) => {
    const p = f.v128(d2.madd(-even, d4, fused));
    const q = f.v128(d1.madd(-even, d3, fused));
    return [q.madd(odd, p, fused), q.madd(-odd, p, fused)];
  };
  const end = (x: V128, y: V128, z: V128) => x.madd(n0, y.madd(-(aa + bb), z, fused), fused);
  return [end(d0, d2, d4), ...pair(bb, a), ...pair(aa, b), end(d1, d3, d5)];
};

/** A^T m: 6 to 4. */
export const outputTransform: Transform = (f, [m0, m1, m2, m3, m4, m5], fused) => {
  const [s, t] = [f.v128(m1.add(m2)), f.v128(m3.add(m4))];
  const [u, v] = [f.v128(m1.sub(m2)), f.v128(m3.sub(m4))];
  return [
    m0.add(s.add(t)),
    u.madd(a, v.mul(b), fused),
    s.madd(aa, t.mul(bb), fused),
    u.madd(a * aa, v.madd(b * bb, m5, fused), fused),
  ];
};

/** A y: 4 to 6, the adjoint of the output's. */
export const outputGradTransform: Transform = (f, [y0, y1, y2, y3], fused) => {
  const pair = (point: number) => {
    const even = f.v128(y2.madd(point * point, y0, fused));
    const odd = f.v128(y3.madd(point * point, y1, fused));
    return [odd.madd(point, even, fused), odd.madd(-point, even, fused)];
  };
  return [y0, ...pair(a), ...pair(b), y3];
};

/** G g: 3 to 6. */
export const weightTransform: Transform = (f, [g0, g1, g2]) => {
  const pair = (point: number, n: number) => {
    const even = f.v128(g0.add(g2.mul(point * point)).mul(1 / n));
    const odd = f.v128(g1.mul(point / n));
    return [even.add(odd), even.sub(odd)];
  };
  return [g0.mul(1 / n0), ...pair(a, na), ...pair(b, nb), g2];
};

/** G^T m: 6 to 3, the adjoint of the weights'. */
export const weightGradTransform: Transform = (f, [m0, m1, m2, m3, m4, m5]) => {
  const [s, t] = [f.v128(m1.add(m2)), f.v128(m3.add(m4))];
  const [u, v] = [f.v128(m1.sub(m2)), f.v128(m3.sub(m4))];
  return [
    m0
      .mul(1 / n0)
      .add(s.mul(1 / na))
      .add(t.mul(1 / nb)),
    u.mul(a / na).add(v.mul(b / nb)),
    s
      .mul(aa / na)
      .add(t.mul(bb / nb))
      .add(m5),
  ];
};

/** M x M^T for the matrix M that `transform` multiplies a vector by. */
export function transform2d(
  f: FunctionBuilder,
  x: readonly (readonly V128[])[],
  transform: Transform,
  fused: boolean,
): Local<V128>[][] {
  const flip = <T>(grid: readonly (readonly T[])[]) => grid[0].map((_, j) => grid.map((row) => row[j]));
  const apply = (grid: readonly (readonly V128[])[]) =>
    grid.map((row) => transform(f, row, fused).map((value) => f.v128(value)));
  return flip(apply(flip(apply(x))));
}
