const CHUNK = 2 ** 18;

/**
 * A size in bytes for each line of a memory, 0 until it is set. Unlike a Map, in which a key that is deleted and set
 * again leaves an entry to be searched through each time, it costs the same however the lines are used.
 */
export class BlockSizes {
  readonly #lineBytes: number;
  /** Sizes in lines, of `CHUNK` lines each. */
  readonly #chunks: Int32Array[] = [];

  constructor(lineBytes: number) {
    this.#lineBytes = lineBytes;
  }

  get(address: number): number {
    const line = address / this.#lineBytes;
    return this.#lineBytes * (this.#chunks[Math.floor(line / CHUNK)]?.[line % CHUNK] ?? 0);
  }

  set(address: number, bytes: number): void {
    const line = address / this.#lineBytes;
    const chunk = Math.floor(line / CHUNK);
    this.#chunks[chunk] ??= new Int32Array(CHUNK);
    this.#chunks[chunk][line % CHUNK] = bytes / this.#lineBytes;
  }
}
