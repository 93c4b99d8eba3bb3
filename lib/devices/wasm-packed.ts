import type { WasmHeap } from './wasm-memory.ts';

/**
 * Weights in the order that kernels want them. Values that are used a second time as they are, as in evaluation or in
 * frozen layers, keep their packed form; in training they change before that. The forms count as held memory, not as
 * in use, and are given up where memory runs out.
 */
export class PackedWeights {
  readonly #heap: WasmHeap;
  /** By the address of the weights, and the name of the form: its address, or null while it was used but once. */
  readonly #forms = new Map<number, Map<string, number | null>>();

  constructor(heap: WasmHeap) {
    this.#heap = heap;
    heap.reclaim = () => this.#giveUp();
  }

  /**
   * Calls `run` with the address of a form, which `pack` writes, in `bytes`, where it is not kept. Neither may allocate
   * memory.
   */
  use(
    weights: number,
    form: string,
    bytes: number,
    pack: (to: number) => void,
    run: (packed: number) => void,
  ): void {
    const known = this.#formsOf(weights).get(form);
    if (known) {
      run(known);
      return;
    }
    const address = this.#heap.allocate(bytes);
    const forms = this.#formsOf(weights);
    const keep = forms.has(form);
    try {
      pack(address);
      forms.set(form, keep ? address : null);
      run(address);
    } finally {
      if (forms.get(form) === address) this.#heap.setAside(address);
      else this.#heap.free(address);
    }
  }

  #formsOf(weights: number): Map<string, number | null> {
    const forms = this.#forms.get(weights) ?? new Map();
    this.#forms.set(weights, forms);
    return forms;
  }

  /** The values at an address are to change, or are gone. */
  forget(weights: number): void {
    for (const address of this.#forms.get(weights)?.values() ?? []) if (address) this.#heap.free(address);
    this.#forms.delete(weights);
  }

  /** Frees all forms; tells whether there were any. */
  #giveUp(): boolean {
    const any = [...this.#forms.values()].some((forms) => [...forms.values()].some((address) => address));
    for (const weights of [...this.#forms.keys()]) this.forget(weights);
    return any;
  }
}
