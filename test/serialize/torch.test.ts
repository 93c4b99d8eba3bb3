import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { FormatError } from '../../lib/errors.ts';
import { readTorch } from '../../lib/serialize/torch.ts';
import { memory } from '../../lib/tensor/memory.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

const folder = new URL('../golden/torch/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const expected: Record<string, Record<string, { shape: number[]; values: string[] }>> = JSON.parse(
  readFileSync(new URL('expected.json', folder), 'utf8'),
);
const pythonNumber = (text: string): number => Number(text.replace('inf', 'Infinity').replace('nan', 'NaN'));

test.before.each(() => setDevice(new ReferenceDevice()));

for (const format of ['zip', 'legacy']) {
  for (const name of ['dtypes', 'views', 'module']) {
    test(`${name}, ${format} format: keys, shapes and values are PyTorch's`, () => {
      const state = readTorch(read(`${name}.${format}.pt`));
      assert.equal([...state.keys()], Object.keys(expected[name]));
      for (const [key, { shape, values }] of Object.entries(expected[name])) {
        const tensor = state.get(key);
        assert.equal(tensor?.shape, shape, key);
        assert.equal(tensor?.dataSync(), Float32Array.from(values, pythonNumber), key);
      }
    });
  }

  test(`${format} format: a prefix is stripped on request`, () => {
    const state = readTorch(read(`module.${format}.pt`), { stripPrefix: 'module.' });
    assert.ok(state.has('0.weight') && state.has('1.running_var'));
  });

  test(`${format} format: a pickle that calls os.system is refused by name`, () => {
    assert.throws(
      () => readTorch(read(`hostile.${format}.pt`)),
      /global '(posix|os)\.system' is not allowed/,
    );
  });

  test(`${format} format: every truncation is a FormatError and leaves no tensor`, () => {
    const bytes = read(`views.${format}.pt`);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(
        () => readTorch(bytes.slice(0, length)),
        (error: unknown) => error instanceof FormatError,
        `length ${length}`,
      );
    }
    assert.is(memory().tensors, 0);
  });
}

test('a compressed member, and so a zip bomb, is refused by name before anything unfolds', () => {
  const bytes = read('views.zip.pt');
  const view = new DataView(bytes.buffer);
  const entry = bytes.findIndex((_, i) => i + 4 <= bytes.length && view.getUint32(i, true) === 0x02014b50);
  view.setUint16(entry + 10, 8, true);
  view.setUint32(entry + 24, 0xfffffff0, true);
  assert.throws(() => readTorch(bytes), /data\.pkl' is compressed/);
});

test('a tensor that repeats a few elements to a huge size is refused', () => {
  const bytes = read('views.legacy.pt');
  // The sizes of 'expanded' are the only BININT1 pair (2, 3) followed by its strides (1, 0).
  const at = bytes.findIndex(
    (byte, i) =>
      byte === 0x4b &&
      bytes[i + 1] === 2 &&
      bytes[i + 2] === 0x4b &&
      bytes[i + 3] === 3 &&
      bytes[i + 4] === 0x86,
  );
  assert.ok(at > 0);
  const huge = new Uint8Array([0x4a, 2, 0, 0, 0, 0x4a, 0, 0, 0, 0x7f]);
  const mutant = new Uint8Array([...bytes.slice(0, at), ...huge, ...bytes.slice(at + 4)]);
  assert.throws(() => readTorch(mutant), /'expanded' repeats 2 elements to 4261412864/);
});

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

/** A legacy file that holds what the opcodes make, and no storage. */
const legacyFile = (...parts: (number | readonly number[])[]): Uint8Array => {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const system = [...ascii('}X'), 13, 0, 0, 0, ...ascii('little_endian'), 0x88, ...ascii('s')];
  const pickles = [magic, [...ascii('M'), 0xe9, 3], system, parts.flat(), ascii(']')];
  return Uint8Array.from(pickles.flatMap((pickle) => [0x80, 2, ...pickle, 0x2e]));
};

/** A list of two lists of two lists ..., which takes a few bytes a level and 2^levels words to print. */
const nested = (levels: number): number[] => [
  ...ascii(']'),
  ...Array.from({ length: levels }, (_, i) => [...ascii('q'), i, ...ascii('h'), i, 0x86]).flat(),
];

test('lists that nest to 2^60 entries are refused before anyone walks through them, as a key and as what is called', () => {
  const asKey = legacyFile(...ascii('}'), ...nested(60), ...ascii('Ns'));
  assert.throws(() => readTorch(asKey), /\[a list, a list\] is no tensor/);
  const asCallee = legacyFile(...nested(60), ...ascii(')R'));
  assert.throws(() => readTorch(asCallee), /\[a list, a list\] cannot be called/);
});

/** A string of fewer than 256 characters. */
const text = (value: string): number[] => [...ascii('U'), value.length, ...ascii(value)];

test('a dict that holds itself under a well-known name is refused', () => {
  const itself = legacyFile(...ascii('}q'), 0, ...text('state_dict'), ...ascii('h'), 0, ...ascii('s'));
  assert.throws(() => readTorch(itself), /lies more than 8 dicts deep/);
});

test('20,000 dicts one within the other are refused; one under two names is read', () => {
  const wrap = (levels: number): number[] => [
    ...Array.from({ length: levels }, () => [...ascii('}'), ...text('model')]).flat(),
    ...ascii('}'),
    ...Array.from({ length: levels }, () => ascii('s')).flat(),
  ];
  assert.throws(() => readTorch(legacyFile(wrap(20_000))), /lies more than 8 dicts deep/);
  assert.is(readTorch(legacyFile(wrap(2))).size, 0);
});

/** `OrderedDict(list)` of one list of so many pairs, so many times. */
const orderedDicts = (pairs: number, calls: number): Uint8Array =>
  legacyFile(
    [...ascii('ccollections\nOrderedDict\nq'), 0, ...ascii(']q'), 1, ...ascii('(')],
    Array.from({ length: pairs }, (_, i) => [...ascii('M'), i & 255, i >> 8, ...ascii('N'), 0x86]).flat(),
    [...ascii('eh'), 1, 0x85, ...ascii('q'), 2, ...ascii('](')],
    Array.from({ length: calls }, () => [...ascii('h'), 0, ...ascii('h'), 2, ...ascii('R')]).flat(),
    ascii('e'),
  );

test('calls that are given one long list again and again are refused before they have taken the time', () => {
  const bytes = orderedDicts(8_000, 8_000);
  assert.ok(bytes.length < 100_000);
  assert.throws(() => readTorch(bytes), /its calls are given the same lists again and again/);
  assert.throws(() => readTorch(orderedDicts(1_000, 2)), /the file holds no dict/);
});

test('errors quote no more than a line of what a file says', () => {
  const long = 'n'.repeat(1_000_000);
  const fault = (...parts: number[][]): string => {
    try {
      readTorch(legacyFile(...parts));
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const called = fault(ascii(`c${long}\n${long}\n`));
  assert.match(called, /the global 'n{100}'\.\.\. \(2000001 characters\) is not allowed/);
  const key = fault(ascii('}T'), [0x40, 0x42, 0x0f, 0], ascii(long), ascii('Ns'));
  assert.match(key, /'n{100}'\.\.\. \(1000000 characters\) is no tensor/);
  assert.ok(called.length < 500 && key.length < 500);
});

test('many tensors that share one storage are refused where they outgrow the file', () => {
  const bytes = read('views.legacy.pt');
  const count = (length: number) => [0x4a, length & 255, (length >> 8) & 255, (length >> 16) & 255, 0];
  // As above, 'expanded' is 2 x 3; here it takes twice the file's bytes, which with the other tensors is too much.
  const at = bytes.findIndex((_, i) => [0x4b, 2, 0x4b, 3, 0x86].every((byte, k) => bytes[i + k] === byte));
  const mutant = new Uint8Array([
    ...bytes.slice(0, at),
    ...count(2),
    ...count(bytes.length + 6),
    ...bytes.slice(at + 4),
  ]);
  assert.throws(() => readTorch(mutant), /larger than a file of weights/);
  assert.is(memory().tensors, 0);
});

test.run();
