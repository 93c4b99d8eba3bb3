/** What a row gets at least of its planned time, if those before it took more than theirs. */
export const LEAST_SHARE = 0.6;

/** Divides an amount of time among tasks by weight: what some leave over, the rest share. */
export class Budget {
  readonly #now: () => number;
  readonly #end: number;
  /** Seconds at least for each unit of weight. */
  readonly #least: number;
  #weight: number;

  /** @param weight of all tasks together @param leastShare of its planned time that each keeps @param now seconds on some clock */
  constructor(seconds: number, weight: number, leastShare = 0, now = () => performance.now() / 1000) {
    this.#now = now;
    this.#end = now() + seconds;
    this.#least = (leastShare * Math.max(0, seconds)) / weight;
    this.#weight = weight;
  }

  get secondsLeft(): number {
    return Math.max(0, this.#end - this.#now());
  }

  /** Seconds for the next task, which is taken off the list. */
  take(weight = 1): number {
    const share = this.#weight > 0 ? (this.secondsLeft * weight) / this.#weight : 0;
    this.#weight -= weight;
    return Math.max(share, this.#least * weight);
  }
}
