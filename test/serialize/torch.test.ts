import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { FormatError } from '../../lib/errors.ts';
import { readTorch } from '../../lib/serialize/torch.ts';
import { memory } from '../../lib/tensor/memory.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { ReferenceDevice } from '../reference/device.ts';

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

  test(`${format} format: 5,000 random mutations are read or refused, each within a second`, () => {
    const bytes = read(`views.${format}.pt`);
    const random = new Generator(7);
    let refused = 0;
    for (let round = 0; round < 5000; round++) {
      const mutant = bytes.slice();
      for (let i = 0; i <= random.integer(4); i++)
        mutant[random.integer(mutant.length)] = random.integer(256);
      const start = performance.now();
      try {
        for (const tensor of readTorch(mutant).values()) tensor.dispose();
      } catch (error) {
        refused++;
        assert.instance(error, FormatError, `${round}: ${String(error)}`);
      }
      assert.ok(performance.now() - start < 1000, `round ${round} took too long`);
    }
    assert.ok(refused > 100, `only ${refused} were refused`);
    assert.is(memory().tensors, 0);
  });
}

test.run();
