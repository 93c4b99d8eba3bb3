/** |ours - PyTorch's| <= ATOL + RTOL * |PyTorch's|, on every element. */
export const RTOL = 1e-4;
export const ATOL = 2e-5;

/** Base64 of little-endian float32, as the recording scripts write it. */
export function decode(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** @throws Error with the worst element where `actual` is not within RTOL and ATOL of `expected`. */
export function close(
  what: string,
  actual: Float32Array | undefined,
  expected: Float32Array,
  { rtol = RTOL, atol = ATOL } = {},
): void {
  if (actual?.length !== expected.length) {
    throw new Error(`${what}: ${actual?.length ?? 'no'} values, wanted ${expected.length}`);
  }
  let worst = 0;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const excess = Math.abs(actual[i] - expected[i]) / (atol + rtol * Math.abs(expected[i]));
    if (excess > worst || Number.isNaN(excess)) [worst, at] = [Number.isNaN(excess) ? Infinity : excess, i];
  }
  if (worst > 1) {
    throw new Error(
      `${what}: element ${at} is ${actual[at]}, wanted ${expected[at]}: ${worst.toPrecision(3)} times the tolerance (rtol ${rtol}, atol ${atol})`,
    );
  }
}
