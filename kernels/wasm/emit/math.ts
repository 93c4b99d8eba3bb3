/**
 * exp, log, tanh and their kin on four lanes: range reduction and the minimax polynomials of S. L. Moshier's Cephes
 * library (single precision). Errors against float64, relative, over all float32: exp 2e-7, log 2e-7, tanh 3e-7.
 */
import type { FunctionBuilder } from './assembler.ts';
import { V128 } from './values.ts';

/** Horner's rule, highest coefficient first. */
function polynomial(x: V128, coefficients: readonly number[], fused: boolean): V128 {
  return coefficients.slice(1).reduce((sum, c) => sum.madd(x, c, fused), V128.const(coefficients[0]));
}

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2. */
export function exp(f: FunctionBuilder, x: V128, fused: boolean): V128 {
  const clamped = f.v128(x.min(89.5).max(-105));
  const n = f.v128(clamped.mul(Math.LOG2E).nearest());
  const r = f.v128(n.madd(-LN2_LOW, n.madd(-LN2_HIGH, clamped, fused), fused));
  const p = polynomial(
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
    fused,
  );
  const mantissa = f.v128(p.madd(r.mul(r), r, fused).add(1));
  const exponent = f.v128(n.toInt());
  const half = f.v128(exponent.shrInt(1));
  const power = (bits: V128) => bits.addInt(V128.ints([127, 127, 127, 127])).shlInt(23);
  return f.v128(mantissa.mul(power(half)).mul(power(exponent.subInt(half))));
}

/** log(m 2^e) = log(m) + e ln 2 with m in [sqrt(1/2), sqrt(2)). */
export function log(f: FunctionBuilder, x: V128, fused: boolean): V128 {
  const subnormal = f.v128(x.lt(2 ** -126));
  const normal = f.v128(subnormal.choose(x.mul(2 ** 23), x));
  const bits = V128.ints([0x7fffff, 0x7fffff, 0x7fffff, 0x7fffff]);
  const half = V128.const(0.5);
  const exponent = f.v128(
    normal
      .shrInt(23)
      .subInt(V128.ints([126, 126, 126, 126]))
      .toFloat(),
  );
  exponent.set(exponent.sub(subnormal.and(23)));
  const m = f.v128(normal.and(bits).or(half));
  const small = f.v128(m.lt(Math.SQRT1_2));
  exponent.set(exponent.sub(small.and(1)));
  m.set(m.sub(1).add(small.and(m)));
  const square = f.v128(m.mul(m));
  const p = polynomial(
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
    fused,
  );
  const tail = exponent.madd(LN2_LOW, p.mul(m).mul(square), fused).sub(square.mul(0.5));
  const result = f.v128(exponent.madd(LN2_HIGH, m.add(tail), fused));
  const positive = x.gt(0).choose(result, x.eq(0).choose(-Infinity, NaN));
  return f.v128(x.eq(Infinity).choose(Infinity, positive));
}

/** log(1 + u) for u in [0, 1]: log(w) u / (w - 1) with w = 1 + u mends the rounding of w (Kahan). */
export function log1p(f: FunctionBuilder, u: V128, fused: boolean): V128 {
  const w = f.v128(u.add(1));
  const mended = log(f, w, fused).mul(u).div(w.sub(1));
  return f.v128(w.eq(1).choose(u, mended));
}

export function sigmoid(f: FunctionBuilder, x: V128, fused: boolean): V128 {
  return f.v128(V128.const(1).div(exp(f, x.neg(), fused).add(1)));
}

/** An odd polynomial near 0, else 1 - 2 / (e^2|x| + 1) with x's sign. */
export function tanh(f: FunctionBuilder, x: V128, fused: boolean): V128 {
  const magnitude = f.v128(x.abs());
  const sign = x.and(V128.const(-0));
  const far = f.v128(V128.const(1).sub(V128.const(2).div(exp(f, magnitude.add(magnitude), fused).add(1))));
  const square = f.v128(x.mul(x));
  const p = polynomial(
    square,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
    fused,
  );
  const near = p.mul(square).madd(x, x, fused);
  return f.v128(magnitude.lt(0.625).choose(near, far.or(sign)));
}
