/** What callers pass, checked and named in errors. */
import { ArgumentError, quote } from './errors.ts';

/** In the place of a default: the option has to be given. */
export const required: unique symbol = Symbol('required');

type Defaults<O> = { readonly [K in keyof Required<O>]: O[K & keyof O] | typeof required };

type Resolved<O, D> = {
  readonly [K in keyof O]-?:
    | Exclude<O[K], undefined>
    | (K extends keyof D ? Extract<D[K], undefined> : never);
};

/**
 * The options of a call, with the default of each that is not given. `defaults` names every option there is.
 * @param owner whose options they are, for the error
 * @throws ArgumentError for an option that there is not, with the nearest one that there is; for one that is required
 *   and not given; and for options that are no object
 */
export function resolveOptions<O extends object, const D extends Defaults<O>>(
  owner: string,
  options: O,
  defaults: D,
): Resolved<O, D> {
  checkOptionNames(owner, options, Object.keys(defaults));
  const resolved: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(defaults)) {
    const given = options[name as keyof O];
    resolved[name] = given === undefined ? value : given;
    if (resolved[name] === required) throw new ArgumentError(`${owner}: wants the option ${name}`);
  }
  return resolved as Resolved<O, D>;
}

/** @throws ArgumentError for options of another name than `known`, with the nearest of those, or that are no object */
export function checkOptionNames(owner: string, options: unknown, known: readonly string[]): void {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  const unknown = isObject && Object.keys(options).find((name) => !known.includes(name));
  if (isObject && unknown === undefined) return;
  if (!isObject || quote(options) !== 'an object') {
    throw new ArgumentError(
      `${owner}: options want an object such as { ${known[0]}: ... }, got ${quote(options)}`,
    );
  }
  const meant = nearestName(String(unknown), known);
  const names = known.length === 1 ? `the only one is ${known[0]}` : `there are ${known.join(', ')}`;
  throw new ArgumentError(
    `${owner}: no option '${unknown}'; ${meant === null ? names : `did you mean ${meant}? (${names})`}`,
  );
}

/** What an iterable gives. @throws ArgumentError for what is none, with what is wanted */
export function listOf<T>(owner: string, wanted: string, values: Iterable<T>): T[] {
  if (typeof values?.[Symbol.iterator] === 'function') return [...values];
  throw new ArgumentError(`${owner}: wants ${wanted}, got ${quote(values)}`);
}

/** `weight_decay`, `weightDecay` and `WeightDecay` are one. */
const folded = (name: string): string => name.replace(/[^a-z0-9]/gi, '').toLowerCase();

/** `learningRate` and `learning_rate` are `lr`. */
const initials = (name: string): string =>
  name
    .split(/[^a-zA-Z0-9]+|(?=[A-Z])/)
    .map((word) => word.charAt(0))
    .join('')
    .toLowerCase();

/** The known name that was most likely meant, or null where none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const wanted = folded(name);
  const same = known.find((other) => folded(other) === wanted);
  if (same) return same;
  const isShortFor = (short: string, long: string) => short.length > 1 && initials(long) === short;
  const shortened = known.find((other) => isShortFor(folded(other), name) || isShortFor(wanted, other));
  if (shortened) return shortened;
  const ranked = known
    .map((other) => ({ other, distance: editDistance(wanted, folded(other)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best && best.distance < Math.max(wanted.length, best.other.length) / 2) return best.other;
  const isPartOf = (part: string, whole: string) => part.length > 2 && whole.includes(part);
  return known.find((other) => isPartOf(wanted, folded(other)) || isPartOf(folded(other), wanted)) ?? null;
}

/** How many letters have to be put in, taken out or exchanged to make b of a (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/** @throws ArgumentError for what is no number; it would spoil a GPU's compiled kernel */
export function checkNumber(what: string, value: unknown): void {
  if (typeof value !== 'number') throw new ArgumentError(`${what} wants a number, got ${quote(value)}`);
}
