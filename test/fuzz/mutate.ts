/** Mutations of bytes, whatever they mean. */
import type { Generator } from '../../lib/index.ts';
import type { Format, Mutation } from './format.ts';

/** Mutants are kept small, so that a cost that is not in a file's measure shows by its side. */
const MAX_BYTES = 2 ** 18;

export const pick = <T>(items: readonly T[], random: Generator): T => items[random.integer(items.length)];

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => joinAll(parts);

/** As `concat`, for any number of parts. */
export function joinAll(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A short run within the bytes. */
function run(bytes: Uint8Array, random: Generator): { start: number; end: number } {
  const start = random.integer(bytes.length + 1);
  return { start, end: Math.min(bytes.length, start + 1 + random.integer(64)) };
}

/** Repeats a part so often that the whole comes to a length drawn up to 128 KiB. */
export function repeat(part: Uint8Array, random: Generator): Uint8Array {
  if (part.length === 0) return part;
  const times = 1 + random.integer(Math.ceil(2 ** pick([4, 8, 12, 17], random) / part.length));
  const all = new Uint8Array(times * part.length);
  for (let at = 0; at < all.length; at += part.length) all.set(part, at);
  return all;
}

const flipBit: Mutation = (bytes, random) => {
  const mutant = bytes.slice();
  if (mutant.length > 0) mutant[random.integer(mutant.length)] ^= 1 << random.integer(8);
  return mutant;
};

const setByte: Mutation = (bytes, random) => {
  const mutant = bytes.slice();
  if (mutant.length > 0)
    mutant[random.integer(mutant.length)] = pick([0, 1, 0x7f, 0x80, 0xff, random.integer(256)], random);
  return mutant;
};

const truncate: Mutation = (bytes, random) => bytes.slice(0, random.integer(bytes.length + 1));

const extend: Mutation = (bytes, random) =>
  concat(
    bytes,
    Uint8Array.from({ length: 1 + random.integer(64) }, () => random.integer(256)),
  );

const removeRun: Mutation = (bytes, random) => {
  const { start, end } = run(bytes, random);
  return concat(bytes.subarray(0, start), bytes.subarray(end));
};

const moveRun: Mutation = (bytes, random) => {
  const { start, end } = run(bytes, random);
  const at = random.integer(bytes.length + 1);
  return concat(bytes.subarray(0, at), bytes.subarray(start, end), bytes.subarray(at));
};

const repeatRun: Mutation = (bytes, random) => {
  const { start, end } = run(bytes, random);
  return concat(bytes.subarray(0, start), repeat(bytes.subarray(start, end), random), bytes.subarray(end));
};

const splice: Mutation = (bytes, random, other) =>
  concat(
    bytes.subarray(0, random.integer(bytes.length + 1)),
    other.subarray(random.integer(other.length + 1)),
  );

/** Lengths, counts and offsets: a whole number of two, four or eight bytes, a little or a lot off. */
const setNumber: Mutation = (bytes, random) => {
  const mutant = bytes.slice();
  const size = pick([2, 4, 8], random);
  if (mutant.length < size) return mutant;
  const view = new DataView(mutant.buffer);
  const at = random.integer(mutant.length - size + 1);
  const little = random.integer(2) === 0;
  const bits = BigInt(8 * size);
  const old = size === 8 ? view.getBigUint64(at, little) : BigInt(readUint(view, at, size, little));
  const value = pick(
    [
      old + BigInt(random.integer(33) - 16),
      0n,
      1n << (bits - 1n),
      (1n << bits) - 1n,
      (1n << BigInt(random.integer(8 * size))) - BigInt(random.integer(2)),
      BigInt(bytes.length),
      BigInt(random.integer(2 ** 32)),
    ],
    random,
  );
  const wrapped = BigInt.asUintN(Number(bits), value);
  if (size === 8) view.setBigUint64(at, wrapped, little);
  else if (size === 4) view.setUint32(at, Number(wrapped), little);
  else view.setUint16(at, Number(wrapped), little);
  return mutant;
};

const readUint = (view: DataView, at: number, size: number, little: boolean): number =>
  size === 4 ? view.getUint32(at, little) : view.getUint16(at, little);

const BYTES: readonly Mutation[] = [
  flipBit,
  setByte,
  truncate,
  extend,
  removeRun,
  moveRun,
  repeatRun,
  splice,
  setNumber,
];

/** A sample of the format after one mutation or a few, most of them by its grammar. */
export function drawMutant(
  { mutations }: Pick<Format, 'mutations'>,
  samples: readonly Uint8Array[],
  random: Generator,
): Uint8Array {
  let bytes = pick(samples, random);
  do {
    const table = mutations.length > 0 && random.integer(5) < 3 ? mutations : BYTES;
    bytes = pick(table, random)(bytes, random, pick(samples, random)).subarray(0, MAX_BYTES);
  } while (random.integer(3) === 0);
  return bytes;
}
