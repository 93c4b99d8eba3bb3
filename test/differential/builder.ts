/** A program while it is drawn: it runs along on the reference device, so that shapes and ranges are known. */
import { type Generator, GradiographError, type Tensor, tensor } from '../../lib/index.ts';
import { pick } from '../fuzz/mutate.ts';
import { type Args, applyOp } from '../ops/cases.ts';
import type { Program, ProgramInput } from './program.ts';

/** Of no value that is NaN or infinite, which has its own rows in the op table; and not empty. */
const allFinite = (x: Tensor): boolean => x.size > 0 && x.dataSync().every(Number.isFinite);

interface Call {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly args: Partial<Args>;
}

/** How fresh values are spread. */
export interface Spread {
  readonly low?: number;
  readonly high?: number;
  /** Whole multiples of this; 0 for any number. */
  readonly grid?: number;
  /** Default true. */
  readonly differentiable?: boolean;
}

const MAX_SIZE = 3000;

export class Builder {
  readonly random: Generator;
  readonly #inputs: { input: ProgramInput; value: Tensor }[] = [];
  readonly #steps: { step: Call; value: Tensor }[] = [];

  constructor(random: Generator) {
    this.random = random;
  }

  integer(low: number, high: number): number {
    return low + this.random.integer(high - low + 1);
  }

  chance(share: number): boolean {
    return this.random.random() < share;
  }

  pick<T>(items: readonly T[]): T {
    return pick(items, this.random);
  }

  /** An axis, counted from either end. */
  axis(rank: number): number {
    return this.integer(-rank, rank - 1);
  }

  shape(minRank: number, maxRank: number, maxSide = 6): number[] {
    return Array.from({ length: this.integer(minRank, maxRank) }, () => this.integer(1, maxSide));
  }

  /** A new input. A grid of quarters makes sums exact and ties frequent. */
  fresh(shape: readonly number[], { low = -2, high = 2, grid, differentiable = true }: Spread = {}): Tensor {
    const step = grid ?? this.pick([0, 0, 0.25]);
    const length = shape.reduce((product, size) => product * size, 1);
    const values = [...this.random.uniform(length, low, high)].map((value) =>
      step > 0 ? Math.min(high, Math.max(low, Math.round(value / step) * step)) : value,
    );
    const value = tensor(Float32Array.from(values), shape, { requiresGrad: differentiable });
    this.#inputs.push({ input: { shape, values, differentiable }, value });
    return value;
  }

  /** A value so far that is right, or null; of the later ones sooner, so that steps build on each other. */
  find(isRight: (value: Tensor) => boolean): Tensor | null {
    const found = [...this.#inputs, ...this.#steps].map(({ value }) => value).filter(isRight);
    if (found.length === 0) return null;
    return this.pick(this.chance(0.5) ? found.slice(-3) : found);
  }

  /** One that is not too large to go on with. */
  some(minRank = 0): Tensor {
    const found = this.find((x) => x.size <= MAX_SIZE && x.rank >= minRank && allFinite(x));
    return found ?? this.fresh(this.shape(minRank, 4));
  }

  /** Adds a step; false where this library refuses it, which ends the program. */
  add(op: string, inputs: readonly (Tensor | null)[], args: Partial<Args> = {}): boolean {
    const step = { op, inputs, args };
    try {
      const value = applyOp({ ...step, name: op }, inputs);
      this.#steps.push({ step, value });
      return true;
    } catch (error) {
      if (!(error instanceof GradiographError)) throw error;
      this.#steps.push({ step, value: tensor([0]) });
      return false;
    }
  }

  program(seed: number): Program {
    const values = [...this.#inputs, ...this.#steps].map(({ value }) => value);
    const numberOf = (value: Tensor | null) => (value ? values.indexOf(value) : null);
    return {
      seed,
      inputs: this.#inputs.map(({ input }) => input),
      steps: this.#steps.map(({ step: { op, inputs, args } }) => ({
        op,
        inputs: inputs.map(numberOf),
        args,
      })),
    };
  }
}

/** Adds a step to a program; false where that ended it. */
export type Draw = (b: Builder) => boolean;
