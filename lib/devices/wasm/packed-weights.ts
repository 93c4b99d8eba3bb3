import type { WasmHeap } from './heap.ts';

/**
 * Packed forms of weights. A form is kept from the second use of unchanged weights on, as in evaluation or in frozen
 * layers; in training weights change before that. The forms count as held memory, not as in use, and are freed where
 * memory runs out.
 */
export class PackedWeights {
  readonly #heap: WasmHeap;
  /** By the address of the weights, and the name of the form: its address, or null while it was used but once. */
  readonly #forms = new Map<number, Map<string, number | null>>();
  /** The weights that kernels read just now: a kernel that is compiled for them may need memory, too. */
  #inUse: number | null = null;

  constructor(heap: WasmHeap) {
    this.#heap = heap;
    heap.reclaim = () => this.#giveUp();
  }

  /** Calls `run` with the address of a form, which `pack` writes, in `bytes`, where it is not kept. */
  use(
    weights: number,
    form: string,
    bytes: number,
    pack: (to: number) => void,
    run: (packed: number) => void,
  ): void {
    const forms = this.#forms.get(weights) ?? new Map<string, number | null>();
    this.#forms.set(weights, forms);
    this.#inUse = weights;
    try {
      const known = forms.get(form);
      if (known) run(known);
      else this.#pack(forms, form, bytes, pack, run);
    } finally {
      this.#inUse = null;
    }
  }

  #pack(
    forms: Map<string, number | null>,
    form: string,
    bytes: number,
    pack: (to: number) => void,
    run: (packed: number) => void,
  ): void {
    const address = this.#heap.allocate(bytes);
    const keep = forms.has(form);
    try {
      pack(address);
      forms.set(form, keep ? address : null);
      run(address);
    } finally {
      if (forms.get(form) === address) this.#heap.pin(address);
      else this.#heap.free(address);
    }
  }

  /** The values at an address are to change, or are gone. */
  forget(weights: number): void {
    for (const address of this.#forms.get(weights)?.values() ?? []) if (address) this.#heap.free(address);
    this.#forms.delete(weights);
  }

  /** Frees all forms but those in use; tells whether there were any. */
  #giveUp(): boolean {
    const others = [...this.#forms].filter(([weights]) => weights !== this.#inUse);
    for (const [weights] of others) this.forget(weights);
    return others.some(([, forms]) => [...forms.values()].some((address) => address));
  }
}
