/**
 * The counter-based generator Philox-4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * The i-th draw is a function of (seed, stream, i) alone: same seed, same bits, on every device and after a resume.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** The high 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle % 0x10000) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Fills `out` with the four 32-bit words of block (low, high) under a 64-bit key. */
function philox(low: number, high: number, key0: number, key1: number, out: Uint32Array): void {
  let [c0, c1, c2, c3] = [low, high, 0, 0];
  let [k0, k1] = [key0, key1];
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** All that a generator's next numbers follow from; plain JSON. */
export interface GeneratorState {
  /** A whole number in [0, 2^32). */
  readonly seed: number;
  /** A whole number in [0, 2^32). */
  readonly stream: number;
  /** Blocks of four words drawn so far. */
  readonly position: number;
}

/** A source of random numbers: Philox-4x32-10 (Salmon et al. 2011), which gives the same bits everywhere. */
export class Generator {
  #seed: number;
  #stream: number;
  #position = 0;
  readonly #words = new Uint32Array(4);

  /**
   * @param seed a whole number, taken modulo 2^32. Default 0
   * @param stream numbers drawn under one seed but another stream are independent (an image's index, say). Default 0
   */
  constructor(seed = 0, stream = 0) {
    this.#seed = seed >>> 0;
    this.#stream = stream >>> 0;
  }

  /** Where the generator stands. */
  get state(): GeneratorState {
    return { seed: this.#seed, stream: this.#stream, position: this.#position };
  }

  /** Makes the generator go on from a state. */
  set state({ seed, stream, position }: GeneratorState) {
    this.#seed = seed;
    this.#stream = stream;
    this.#position = position;
  }

  #next(): Uint32Array {
    const high = Math.floor(this.#position / 2 ** 32);
    philox(this.#position >>> 0, high, this.#seed, this.#stream, this.#words);
    this.#position++;
    return this.#words;
  }

  /** A number in [0, 1) with 32 random bits. */
  random(): number {
    return this.#next()[0] / 2 ** 32;
  }

  /** A whole number in [0, n). */
  integer(n: number): number {
    return Math.floor(this.random() * n);
  }

  /** `length` float32 values, uniform in [low, high), by default [0, 1); 24 random bits each. */
  uniform(length: number, low = 0, high = 1): Float32Array {
    const out = new Float32Array(length);
    for (let i = 0; i < length; i += 4) {
      const words = this.#next();
      for (let lane = 0; lane < 4 && i + lane < length; lane++) {
        out[i + lane] = low + (high - low) * ((words[lane] >>> 8) / 2 ** 24);
      }
    }
    return out;
  }

  /** `length` float32 values, normal with this mean (default 0) and standard deviation (default 1), by Box and Muller's transform. */
  normal(length: number, mean = 0, std = 1): Float32Array {
    const out = new Float32Array(length);
    for (let i = 0; i < length; i += 4) {
      const words = this.#next();
      for (let lane = 0; lane < 4 && i + lane < length; lane += 2) {
        const radius = std * Math.sqrt(-2 * Math.log((words[lane] + 1) / 2 ** 32));
        const angle = (2 * Math.PI * words[lane + 1]) / 2 ** 32;
        out[i + lane] = mean + radius * Math.cos(angle);
        if (i + lane + 1 < length) out[i + lane + 1] = mean + radius * Math.sin(angle);
      }
    }
    return out;
  }

  /** The numbers 0..n-1 in random order (Fisher and Yates). */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/** The generator behind `rand`, `randn`, dropout and initialisation. */
export const generator = new Generator();

/** Restarts the generator behind `rand`, `randn`, dropout and initialisation from a seed, taken modulo 2^32; `init` does so with 0. */
export function seed(value: number): void {
  generator.state = { seed: value >>> 0, stream: 0, position: 0 };
}
