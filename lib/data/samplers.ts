/** In which order the samples of an epoch come, and which: after torch.utils.data.sampler. */
import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';

/** The same (seed, epoch) gives the same order, so that any epoch can be had again. */
export interface Sampler {
  /** Samples an epoch. */
  readonly length: number;
  /** The indices of an epoch, counted from 0. */
  order(epoch: number): number[];
}

const generatorOf = (seed: number, epoch: number): Generator => new Generator(~seed, epoch);

/** Every sample once, in the data set's order. */
export class SequentialSampler implements Sampler {
  constructor(
    /** Samples of the data set. */
    readonly length: number,
  ) {}

  order(): number[] {
    return Array.from({ length: this.length }, (_, i) => i);
  }
}

/** Every sample once, in a new order every epoch. */
export class RandomSampler implements Sampler {
  readonly #seed: number;

  constructor(
    /** Samples of the data set. */
    readonly length: number,
    options: { seed?: number } = {},
  ) {
    this.#seed = resolveOptions('RandomSampler', options, { seed: 0 }).seed;
  }

  order(epoch: number): number[] {
    return generatorOf(this.#seed, epoch).permutation(this.length);
  }
}

/** `length` draws with replacement, a sample in proportion to its weight. */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly #seed: number;
  readonly #cumulative: Float64Array;

  /**
   * @param weights of the samples, from 0 on; they need not add up to 1
   * @param options.length draws an epoch; default one a sample
   * @throws ShapeError for weights below 0, or of which none is above
   */
  constructor(weights: ArrayLike<number>, options: { length?: number; seed?: number } = {}) {
    const { length, seed } = resolveOptions('WeightedRandomSampler', options, {
      length: weights.length,
      seed: 0,
    });
    let sum = 0;
    this.#cumulative = Float64Array.from(weights, (weight, i) => {
      if (!(weight >= 0 && Number.isFinite(weight))) {
        throw new ShapeError(`WeightedRandomSampler: weight ${i} is ${weight}, wants a number from 0 on`);
      }
      sum += weight;
      return sum;
    });
    if (!(sum > 0)) throw new ShapeError('WeightedRandomSampler: no weight is above 0');
    this.length = length;
    this.#seed = seed;
  }

  order(epoch: number): number[] {
    const random = generatorOf(this.#seed, epoch);
    const total = this.#cumulative[this.#cumulative.length - 1];
    return Array.from({ length: this.length }, () => this.#indexOf(random.random() * total));
  }

  /** The first sample whose cumulative weight is above `value`. */
  #indexOf(value: number): number {
    let [low, high] = [0, this.#cumulative.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#cumulative[middle] > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** All samples of a group together, such as the views of a study; the groups in a new order every epoch. */
export class GroupSampler implements Sampler {
  readonly length: number;
  readonly #groups: readonly (readonly number[])[];
  readonly #seed: number;

  /** @param groups the group of each sample */
  constructor(groups: readonly (string | number)[], options: { seed?: number } = {}) {
    const { seed } = resolveOptions('GroupSampler', options, { seed: 0 });
    const members = new Map<string | number, number[]>();
    groups.forEach((group, index) => {
      const known = members.get(group);
      if (known) known.push(index);
      else members.set(group, [index]);
    });
    this.length = groups.length;
    this.#groups = [...members.values()];
    this.#seed = seed;
  }

  order(epoch: number): number[] {
    const order = generatorOf(this.#seed, epoch).permutation(this.#groups.length);
    return order.flatMap((group) => this.#groups[group]);
  }
}
