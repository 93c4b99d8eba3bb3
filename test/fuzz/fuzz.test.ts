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

for (const { name } of FAULTY) {
  test(`a reader's fault is found, named and kept: ${name}`, async () => {
    const save = join(folder, name.replaceAll(' ', '-'));
    const outcome = await fuzz({
      ...{ format: name, seed: 7, first: 3, cases: 2, seconds: Infinity, save },
      ...{ table: './faulty.ts', hangSeconds: name === 'a hang' ? 4 : 60 },
    });
    const expected =
      name === 'sound'
        ? []
        : [
            [3, name],
            [4, name],
          ];
    assert.equal(
      outcome.findings.map(({ index, fault }) => [index, fault]),
      expected,
    );
    assert.is(outcome.cases, 2);
    assert.equal(
      existsSync(save) ? readdirSync(save).sort() : [],
      expected.map(([index]) => `${name}-7-${index}`),
    );
  });
}

test.run();
