/** What the primitive that is running has allocated so far: where it throws, all of it is given back. */
export class Allocations<T> {
  readonly #made = new Set<T>();
  readonly #free: (made: T) => void;
  #depth = 0;

  constructor(free: (made: T) => void) {
    this.#free = free;
  }

  add(made: T): T {
    if (this.#depth > 0) this.#made.add(made);
    return made;
  }

  /** It was freed, or is to stay whatever happens. */
  remove(made: T): void {
    this.#made.delete(made);
  }

  /** Runs a primitive, or one inside another. */
  during<R>(primitive: () => R): R {
    this.#depth++;
    try {
      return primitive();
    } catch (error) {
      if (this.#depth === 1) for (const made of [...this.#made]) this.#free(made);
      throw error;
    } finally {
      this.#depth--;
      if (this.#depth === 0) this.#made.clear();
    }
  }
}
