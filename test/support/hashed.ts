/** The 32-bit finaliser "lowbias32" found by C. Wellons' hash prospector. */
function mix(x: number): number {
  let word = x >>> 0;
  word ^= word >>> 16;
  word = Math.imul(word, 0x7feb352d);
  word ^= word >>> 15;
  word = Math.imul(word, 0x846ca68b);
  word ^= word >>> 16;
  return word >>> 0;
}

/** `length` values, uniform in [low, high), a function of (seed, position) alone; the same as golden/hashed.py's. */
export function hashed(length: number, seed: number, low = -1, high = 1): Float32Array {
  const start = mix(seed);
  return Float32Array.from({ length }, (_, i) => low + (high - low) * ((mix(start + i) >>> 8) / 2 ** 24));
}
