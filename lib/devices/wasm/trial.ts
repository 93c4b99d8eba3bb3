import type { Target } from '../../../kernels/wasm/emit/kernel.ts';
import { microModule, type TileShape, tileShape } from '../../../kernels/wasm/gemm/micro-kernel.ts';

interface MicroExports {
  tile(a: number, b: number, c: number, rowBytes: number, k: number, accumulate: number): void;
}

/** Where the operands lie: 64 KiB of a memory that nothing else uses yet. Offsets are in values. */
const BASE = 65536;
const OFFSET = { a: 0, b: 4096, result: 8192, other: 10240, end: 16384 };
const K = 256;
/** Calls after which V8 has compiled a function with its optimising compiler, where the revectoriser works. */
const WARM_UP_CALLS = 1200;
const CALLS = 100;
const ROUNDS = 8;
const ATTEMPTS = 3;

/** A micro-kernel on trial: whether it fuses, whether its sums are right, how fast it is. */
export class Trial {
  readonly shape: TileShape;
  readonly #tile: MicroExports['tile'];
  readonly #values: Float32Array;

  constructor(target: Target, memory: WebAssembly.Memory, shape = tileShape(target)) {
    const module = new WebAssembly.Module(microModule(target, shape));
    const { tile } = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as MicroExports;
    this.shape = shape;
    this.#tile = tile;
    this.#values = new Float32Array(memory.buffer, BASE, OFFSET.end);
  }

  #run(calls: number, k = K, result = OFFSET.result): void {
    const [a, b, c] = [OFFSET.a, OFFSET.b, result].map((offset) => BASE + offset * 4);
    for (let call = 0; call < calls; call++) this.#tile(a, b, c, this.shape.columns * 4, k, 0);
  }

  /**
   * Whether a * b + c is rounded once: relaxed SIMD leaves that to the engine. (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24,
   * which is lost where the product is rounded first.
   */
  fuses(): boolean {
    const { rows, columns } = this.shape;
    this.#values.set([-(1 + 2 ** -11)], OFFSET.a);
    this.#values.set([1 + 2 ** -12], OFFSET.a + rows);
    this.#values.set([1], OFFSET.b);
    this.#values.set([1 + 2 ** -12], OFFSET.b + columns);
    this.#run(1, 2);
    return this.#values[OFFSET.result] === 2 ** -24;
  }

  /** Calls it until the engine's optimising compiler has it, as far as one can tell. */
  async warmUp(): Promise<void> {
    this.#run(WARM_UP_CALLS);
    await pause();
  }

  /** The largest difference from the sums of another micro-kernel of the same shape, on random data in [-1, 1). */
  largestError(other: Trial): number {
    const values = this.#values;
    let state = 1;
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = state / 2 ** 31 - 1;
    }
    this.#run(1);
    other.#run(1, K, OFFSET.other);
    let largest = 0;
    for (let i = 0; i < this.shape.rows * this.shape.columns; i++) {
      const difference = Math.abs(values[OFFSET.result + i] - values[OFFSET.other + i]);
      if (!(difference <= largest)) largest = difference;
    }
    return largest;
  }

  /** Milliseconds a multiply-add. */
  #time(): number {
    const start = performance.now();
    this.#run(CALLS);
    return (performance.now() - start) / (CALLS * K * this.shape.rows * this.shape.columns);
  }

  /**
   * How many times as fast it is as `other`: the best of short rounds in turns, so that what else the machine does
   * slows both or neither. Ends when it is `enough`; takes some 40 ms where it never is.
   */
  async speedOver(other: Trial, enough: number): Promise<number> {
    let [mine, others] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    other.#run(WARM_UP_CALLS);
    this.#run(WARM_UP_CALLS);
    for (let attempt = 0; attempt < ATTEMPTS && !(others / mine >= enough); attempt++) {
      await pause();
      for (let round = 0; round < ROUNDS; round++) {
        others = Math.min(others, other.#time());
        mine = Math.min(mine, this.#time());
      }
    }
    return others / mine;
  }
}

/** Time for the threads that compile. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
