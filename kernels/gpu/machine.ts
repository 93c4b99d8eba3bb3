/** What the families need from the device that runs their programs; lib/devices/gpu provides it. */
import type { Primitives, Storage } from '../primitives.ts';
import type { Pointwise } from './program/pointwise.ts';
import type { Program } from './program/program.ts';

export interface GpuMachine<S extends Storage> {
  /** Storages that one program may read. */
  readonly maxInputs: number;
  /** Runs a program, which is compiled at its first run under a key; `length` is the result's. */
  run(
    length: number,
    key: string,
    build: () => Program,
    inputs: readonly S[],
    scalars?: readonly number[],
  ): S;
  /** Each result of a pointwise function of storages of one length, by default that of the first. */
  pointwise(
    key: string,
    build: () => Pointwise,
    inputs: readonly S[],
    scalars: readonly number[],
    length?: number,
  ): S[];
  free(x: S): void;
}

/** The primitives of one family. */
export type Family<S extends Storage, Name extends keyof Primitives<S>> = Pick<Primitives<S>, Name>;

/** Two calls of one key run one program. */
export const keyOf = (op: string, geometry: object, ...rest: readonly (number | boolean)[]): string =>
  `${op} ${JSON.stringify(geometry)} ${rest.join(' ')}`;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const product = (values: readonly number[]): number =>
  values.reduce((total, value) => total * value, 1);

/** The operands that are not null. */
export const present = <T>(...values: readonly (T | null)[]): T[] => values.filter((value) => value !== null);
