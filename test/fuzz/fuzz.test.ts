import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';
import { FORMATS as FAULTY } from './faulty.ts';
import { FORMATS } from './formats.ts';
import { fuzz } from './runner.ts';

const test = suite('fuzz');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(folder, { recursive: true }));

/** A few of each here; many with `npm run fuzz`. */
const CASES = 60;

for (const { name } of FORMATS) {
  test(`${name}: ${CASES} mutants are read or refused, and nothing else`, async () => {
    const options = { format: name, seed: 1, first: 0, cases: CASES, seconds: Infinity, save: null };
    const outcome = await fuzz(options);
    assert.is(outcome.cases, CASES);
    assert.equal(outcome.findings, [], describe(outcome, options.seed));
  });
}

/** Cases of a reader that misbehaves, whose inputs are kept in a folder of its own. */
async function fuzzFaulty(name: string, cases: number) {
  const save = join(folder, `${name.replaceAll(' ', '-')}-${cases}`);
  const outcome = await fuzz({
    ...{ format: name, seed: 7, first: 3, cases, seconds: Infinity, save },
    ...{ table: './faulty.ts', hangSeconds: name === 'a hang' ? 4 : 60 },
  });
  const faults = outcome.findings.map(({ index, fault }) => [index, fault]);
  return { ...outcome, faults, saved: existsSync(save) ? readdirSync(save).sort() : [] };
}

for (const { name } of FAULTY.filter(({ name }) => name !== 'sound')) {
  test(`a reader's fault is found, named and its input kept: ${name}`, async () => {
    const { cases, faults, saved } = await fuzzFaulty(name, 1);
    assert.equal([cases, faults, saved], [1, [[3, name]], [`${name}-7-3`]]);
  });
}

test('a reader without a fault has no findings', async () => {
  const { cases, refused, faults, saved } = await fuzzFaulty('sound', 2);
  assert.equal([cases, refused, faults, saved], [2, 2, [], []]);
});

test('the cases behind one that ends the process are run', async () => {
  const { cases, faults } = await fuzzFaulty('a crash', 3);
  assert.equal([cases, faults], [3, [3, 4, 5].map((index) => [index, 'a crash'])]);
});

test.run();
