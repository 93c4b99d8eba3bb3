/**
 * Readers of values that come from a file, and so may be anything: each returns what it found with its type, or throws a
 * FormatError that names the field, what was found and what would be right. An object's readers are a mapped type: a
 * field without one does not compile.
 */
import { FormatError, quote } from './errors.ts';

/**
 * Gives a value its type. @param field where the value stands, as `optimizer.groups[0].lr`
 * @throws FormatError for a value of another type, naming the field
 */
export type Reader<T> = (value: unknown, field: string) => T;

/** A reader of the values for which `isRight` holds; `what` says in errors which those are, after `want`. */
export const reader =
  <T>(what: string, isRight: (value: unknown) => boolean): Reader<T> =>
  (value, field) => {
    if (isRight(value)) return value as T;
    throw new FormatError(`${field} is ${value === undefined ? 'missing' : quote(value)}, want ${what}`);
  };

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isWhole = (low: number, high: number) => (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high;
const isWithin = (low: number, high: number) => (value: unknown) =>
  isNumber(value) && value >= low && value <= high;

/** Whatever it is. */
export const anything: Reader<unknown> = (value) => value;
/** Text, of any length. */
export const text = reader<string>('text', (value) => typeof value === 'string');
/** true or false. */
export const flag = reader<boolean>('true or false', (value) => typeof value === 'boolean');
/** A number, NaN and the infinities included. */
export const number = reader<number>('a number', isNumber);
/** A number, NaN and the infinities excluded. */
export const finite = reader<number>('a finite number', Number.isFinite);
/** A number from `low` to `high`, both included. */
export const within = (low: number, high: number): Reader<number> =>
  reader(`a number from ${low} to ${high}`, isWithin(low, high));
/** A finite number from 0 on. */
export const fromZero = reader<number>('a finite number from 0 on', isWithin(0, Number.MAX_VALUE));
/** A whole number from 0 on. */
export const count = reader<number>('a whole number from 0 on', isWhole(0, Number.MAX_SAFE_INTEGER));
/** A whole number from 1 on. */
export const positiveCount = reader<number>('a whole number from 1 on', isWhole(1, Number.MAX_SAFE_INTEGER));
/** A whole number from `low` to `high`, both included. */
export const wholeWithin = (low: number, high: number): Reader<number> =>
  reader(`a whole number from ${low} to ${high}`, isWhole(low, high));
const anyObject = reader<Readonly<Record<string, unknown>>>(
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
const anyList = reader<readonly unknown[]>('a list', Array.isArray);

/** One of some texts or numbers. */
export const oneOf = <T extends string | number>(choices: readonly T[]): Reader<T> =>
  reader(`one of ${choices.join(', ')}`, (value) => choices.includes(value as T));

/** A number between `low` and `high`, both excluded. */
export const between = (low: number, high: number): Reader<number> =>
  reader(
    `a number above ${low} and below ${high}`,
    (value) => isNumber(value) && value > low && value < high,
  );
/** A finite number above 0. */
export const positive = reader<number>(
  'a finite number above 0',
  (value) => isNumber(value) && value > 0 && value < Number.POSITIVE_INFINITY,
);

/** null, or what `read` reads. */
export const nullable =
  <T>(read: Reader<T>): Reader<T | null> =>
  (value, field) =>
    value === null ? null : read(value, field);

/** A list whose items are what `read` reads. */
export const list =
  <T>(read: Reader<T>): Reader<T[]> =>
  (value, field) =>
    anyList(value, field).map((item, i) => read(item, `${field}[${i}]`));

/** An object with these fields, in its own order; others that it may have are left out. */
export const object =
  <T extends object>(fields: { readonly [Name in keyof T]-?: Reader<T[Name]> }): Reader<T> =>
  (value, field) => {
    const found = anyObject(value, field);
    // What is written again after it was read has the same bytes.
    const own = Object.keys(found).filter((name) => Object.hasOwn(fields, name));
    const names = new Set([...own, ...Object.keys(fields)]) as Set<keyof T & string>;
    const read = [...names].map((name) => {
      const value = Object.hasOwn(found, name) ? found[name] : undefined;
      return [name, fields[name](value, field === '' ? name : `${field}.${name}`)];
    });
    return Object.fromEntries(read) as T;
  };

/** An object with these fields, and whatever else it has. */
export const openObject =
  <T extends object>(
    fields: { readonly [Name in keyof T]-?: Reader<T[Name]> },
  ): Reader<T & Readonly<Record<string, unknown>>> =>
  (value, field) => ({ ...anyObject(value, field), ...object<T>(fields)(value, field) });

/** An object of any members, all of which `read` takes. */
export const record =
  <T>(read: Reader<T>): Reader<Readonly<Record<string, T>>> =>
  (value, field) =>
    Object.fromEntries(
      Object.entries(anyObject(value, field)).map(([name, member]) => [
        name,
        read(member, `${field}.${name}`),
      ]),
    );
