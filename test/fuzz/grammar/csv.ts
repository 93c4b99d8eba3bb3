/** Mutations of tables with commas between. */
import type { Generator } from '../../../lib/index.ts';
import type { Mutation } from '../format.ts';
import { pick } from '../mutate.ts';

const TEXT = [
  '"',
  '""',
  '","',
  ',',
  ',,',
  '\n',
  '\r',
  '\r\n',
  '\0',
  '\ufeff',
  '\u00e9',
  '\u202e',
  '../',
  '/',
  ' ',
  '"\n',
  '1',
  'NaN',
];

const change =
  (mutate: (text: string, random: Generator) => string): Mutation =>
  (bytes, random) =>
    new TextEncoder().encode(mutate(new TextDecoder().decode(bytes), random));

const insert = change((text, random) => {
  const at = random.integer(text.length + 1);
  return text.slice(0, at) + pick(TEXT, random) + text.slice(at);
});

const changeRows = change((text, random) => {
  const rows = text.split('\n');
  const at = random.integer(rows.length);
  switch (random.integer(5)) {
    case 0:
      rows.splice(at, 1);
      break;
    case 1:
      rows.splice(
        at,
        0,
        ...new Array<string>(1 + random.integer(2 ** (1 + random.integer(11)))).fill(rows[at]),
      );
      break;
    case 2:
      rows[at] = rows[at].repeat(1 + random.integer(2 ** (1 + random.integer(10))));
      break;
    case 3:
      rows[at] = rows[at].split(',').reverse().join(',');
      break;
    default:
      rows[at] = `"${rows[at].replaceAll(',', '","')}"`;
  }
  return rows.join('\n');
});

const changeField = change((text, random) => {
  const fields = text.split(/([,\n])/);
  fields[2 * random.integer((fields.length + 1) / 2)] = pick(
    [
      '',
      '-1',
      '2',
      '1e309',
      'x'.repeat(random.integer(2 ** (1 + random.integer(15)))),
      'XR_FOOT',
      '"',
      'null',
      '0x1',
    ],
    random,
  );
  return fields.join('');
});

/** As other programs save it: UTF-16, with and without its mark; other ends of lines. */
const encode: Mutation = (bytes, random) => {
  const text = new TextDecoder().decode(bytes);
  if (random.integer(2) === 0)
    return new TextEncoder().encode(text.replaceAll('\n', pick(['\r\n', '\r'], random)));
  return new Uint8Array(Buffer.from(pick(['\ufeff', ''], random) + text, 'utf16le'));
};

export const CSV: readonly Mutation[] = [insert, insert, changeRows, changeField, encode];
