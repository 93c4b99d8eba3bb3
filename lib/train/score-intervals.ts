/**
 * 95 % intervals from a figure and the number of independent answers behind it. Unlike the bootstrap's they keep a width
 * where every answer is right.
 */

/** From where to where a figure may lie. */
export interface Interval {
  /** The lower end. */
  readonly low: number;
  /** The upper end. */
  readonly high: number;
}

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/**
 * The score interval of a proportion (Wilson 1927, JASA 22:209-212; advised for small n by Brown, Cai & DasGupta 2001):
 * all p with |p - proportion| <= z sqrt(p (1 - p) / n).
 * @param n above 0
 */
export function wilsonInterval(proportion: number, n: number): Interval {
  const middle = proportion + Z ** 2 / (2 * n);
  const half = Z * Math.sqrt((proportion * (1 - proportion)) / n + (Z / (2 * n)) ** 2);
  const whole = 1 + Z ** 2 / n;
  return {
    low: proportion === 0 ? 0 : (middle - half) / whole,
    high: proportion === 1 ? 1 : (middle + half) / whole,
  };
}

/**
 * The score interval of an area under the ROC curve (Newcombe 2006, Statistics in Medicine 25:559-573, method 5):
 * all a with |a - area| <= z sqrt(V(a)), V(a) = a (1 - a) (1 + s (1 - a) / (2 - a) + s a / (1 + a)) / (m n), s = (m + n) / 2 - 1.
 * @param m positives @param n negatives; both above 0
 */
export function aurocInterval(area: number, m: number, n: number): Interval {
  const s = (m + n) / 2 - 1;
  const variance = (a: number) => (a * (1 - a) * (1 + (s * (1 - a)) / (2 - a) + (s * a) / (1 + a))) / (m * n);
  const isInside = (a: number) => Math.abs(a - area) <= Z * Math.sqrt(variance(a));
  return { low: lastInside(isInside, area, 0), high: lastInside(isInside, area, 1) };
}

/** Between `inside` and `end`, where the condition ceases to hold: by bisection, to a double's precision. */
function lastInside(isInside: (value: number) => boolean, inside: number, end: number): number {
  if (isInside(end)) return end;
  let [within, beyond] = [inside, end];
  for (let i = 0; i < 60; i++) {
    const middle = (within + beyond) / 2;
    if (isInside(middle)) within = middle;
    else beyond = middle;
  }
  return within;
}
