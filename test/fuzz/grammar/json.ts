/** Mutations of JSON: of its values, its keys and its text. */
import type { Generator } from '../../../lib/index.ts';
import { pick } from '../mutate.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const nest = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);

/** Values as text, so that numbers and keys can be what JSON.stringify would not write. */
const ODD = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e9',
  '1e308',
  '1e999',
  '-1e-320',
  '9007199254740993',
  '4294967296',
  '""',
  '"NaN"',
  '"\\u0000\\u001b[2J"',
  '"\\ud800"',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"$number":"NaN"}',
  '{"$number":"Infinity"}',
  '{"$number":"x"}',
  '{"__proto__":{"a":1}}',
  '{"length":1}',
  '{"":{}}',
];

function oddValue(random: Generator): string {
  const kind = random.integer(12);
  if (kind === 0) return nest(1 + random.integer(2 ** (2 + random.integer(15))), '[', ']');
  if (kind === 1)
    return nest(1 + random.integer(2 ** (2 + random.integer(12))), '{"a":', '}').replace(':}', ':1}');
  if (kind === 2) return JSON.stringify('x'.repeat(random.integer(2 ** (2 + random.integer(15)))));
  if (kind === 3) return `[${new Array(1 + random.integer(2 ** (1 + random.integer(13)))).fill(1).join()}]`;
  return pick(ODD, random);
}

/** Whether this program would itself recurse too deeply into a text. */
export const isNested = (text: string): boolean => /(?:\[|\{"a":){200}/.test(text);

/** Stands where odd text goes once the rest is written. */
const HOLE = '\u0001hole\u0001';

/** JSON text with one place changed: another value, one gone, doubled, or moved to where another was. */
export function mutateJson(text: string, random: Generator): string {
  let root: Json;
  if (isNested(text)) return mutateText(text, random);
  try {
    root = JSON.parse(text);
  } catch {
    return mutateText(text, random);
  }
  const places = placesOf(root);
  if (places.length === 0 || random.integer(8) === 0) return mutateText(text, random);
  const { parent, key } = pick(places, random);
  const holder = parent as { [key: string]: Json };
  switch (random.integer(5)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1: {
      const other = pick(places, random);
      holder[key] = structuredClone((other.parent as { [key: string]: Json })[other.key]);
      break;
    }
    case 2:
      if (Array.isArray(parent)) parent.push(...structuredClone(parent).slice(0, 64));
      else holder[pick([`${key}x`, '__proto__', '', 'constructor', '0'], random)] = holder[key];
      break;
    default:
      holder[key] = HOLE;
  }
  return JSON.stringify(root).replace(JSON.stringify(HOLE), () => oddValue(random));
}

function mutateText(text: string, random: Generator): string {
  const at = random.integer(text.length + 1);
  switch (random.integer(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return (
        text.slice(0, at) +
        pick(['"', '{', '}', '[', ']', ',', ':', '\\', ' ', '\u00e9'], random) +
        text.slice(at)
      );
    case 2: {
      // The first member twice.
      const member = /^\{("[^"]*":[^,{}[\]]+),/.exec(text)?.[1];
      return member ? text.replace('{', `{${member},`) : oddValue(random);
    }
    default:
      return oddValue(random);
  }
}

interface Place {
  readonly parent: Json[] | { [key: string]: Json };
  readonly key: string;
}

function placesOf(root: Json): Place[] {
  const places: Place[] = [];
  const visit = (value: Json): void => {
    if (typeof value !== 'object' || value === null || places.length > 2000) return;
    for (const key of Object.keys(value)) {
      places.push({ parent: value, key });
      visit((value as { [key: string]: Json })[key]);
    }
  };
  visit(root);
  return places;
}
