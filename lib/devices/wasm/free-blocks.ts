/** A stretch of memory. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** The most blocks of a run: to insert one or take one out moves no more than these, and the list of runs. */
const RUN = 512;

const isBefore = (a: Block, b: Block): boolean =>
  a.bytes < b.bytes || (a.bytes === b.bytes && a.address < b.address);

/** The least i in [0, length] from which on `isLess(i)` is false. */
function lowerBound(length: number, isLess: (i: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isLess(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Blocks in the order of their bytes, then address, in runs: a quarter of a million of them cost little more than a few. */
export class FreeBlocks {
  readonly #runs: Block[][] = [];

  /** Where the first block that is not before `block` stands, or would stand: its run, and its index there. */
  #find(block: Block): { run: number; index: number } {
    const runs = this.#runs;
    const run = lowerBound(runs.length, (i) => isBefore(runs[i][runs[i].length - 1], block));
    const blocks = runs[run] ?? [];
    return { run, index: lowerBound(blocks.length, (i) => isBefore(blocks[i], block)) };
  }

  /** The smallest block of at least these bytes, of equal ones the first in memory. */
  bestFit(bytes: number): Block | undefined {
    const { run, index } = this.#find({ bytes, address: 0 });
    return this.#runs[run]?.[index];
  }

  insert(block: Block): void {
    const runs = this.#runs;
    const { run, index } = this.#find(block);
    if (run === runs.length) {
      const last = runs.at(-1);
      if (last && last.length < RUN) last.push(block);
      else runs.push([block]);
      return;
    }
    const blocks = runs[run];
    blocks.splice(index, 0, block);
    if (blocks.length > RUN) runs.splice(run + 1, 0, blocks.splice(RUN / 2));
  }

  /** Takes out a block that was inserted. */
  remove(block: Block): void {
    const { run, index } = this.#find(block);
    const blocks = this.#runs[run];
    blocks.splice(index, 1);
    if (blocks.length === 0) this.#runs.splice(run, 1);
  }
}
