/** What random arguments are made of. */
import type { Device, Storage } from '../../lib/devices/device.ts';
import { Generator } from '../../lib/tensor/random.ts';

/** One call of a primitive: `call` gets the `inputs` as storages of the device. */
export interface Draw {
  readonly arguments: unknown;
  readonly inputs: readonly Float32Array[];
  call(device: Device, inputs: readonly Storage[]): readonly (Storage | null)[];
}

/** Sizes around the widths of vectors, tiles and blocks. */
export const EDGES = [15, 16, 17, 31, 32, 33, 63, 64, 65];

export const pick = <T>(random: Generator, from: readonly T[]): T => from[random.integer(from.length)];
export const between = (random: Generator, low: number, high: number): number =>
  low + random.integer(high - low + 1);
export const chance = (random: Generator, p: number): boolean => random.random() < p;

/** Draws the same arguments but for sizes, of which every fourth is 0. */
export class GeneratorOfEmpties extends Generator {}

/** A count of things of which there may be none. */
export const count = (random: Generator, low: number, high: number): number =>
  random instanceof GeneratorOfEmpties && chance(random, 0.25) ? 0 : between(random, low, high);

/** Mostly small, at times at an edge, never above `limit`. */
export function size(random: Generator, limit = 65): number {
  if (random instanceof GeneratorOfEmpties && chance(random, 0.25)) return 0;
  const drawn = chance(random, 0.3) ? pick(random, EDGES) : between(random, 1, 9);
  return Math.min(drawn, limit);
}

/** Up to `rank` axes of 4096 values or less in all. */
export function shape(random: Generator, rank = 5): number[] {
  let capacity = 4096;
  return Array.from({ length: between(random, 1, rank) }, () => {
    const drawn = Math.min(size(random), capacity);
    capacity = Math.floor(capacity / Math.max(1, drawn));
    return drawn;
  });
}

export const values = (random: Generator, length: number, low = -1, high = 1): Float32Array =>
  random.uniform(length, low, high);

export const wide = (random: Generator, length: number, low = -2, high = 2): Float32Array =>
  random.uniform(length, low, high);
