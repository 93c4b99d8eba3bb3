/** Divides an amount of time among tasks by weight: what some leave over, the rest share. */
export class Budget {
  readonly #now: () => number;
  readonly #end: number;
  #weight: number;

  /** @param weight of all tasks together @param now seconds on some clock */
  constructor(seconds: number, weight: number, now = () => performance.now() / 1000) {
    this.#now = now;
    this.#end = now() + seconds;
    this.#weight = weight;
  }

  get secondsLeft(): number {
    return Math.max(0, this.#end - this.#now());
  }

  /** Seconds for the next task, which is taken off the list. */
  take(weight = 1): number {
    const share = this.#weight > 0 ? (this.secondsLeft * weight) / this.#weight : 0;
    this.#weight -= weight;
    return share;
  }
}
