/** docs/ARCHITECTURE.md lists what is installed with the package, and under which licence. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readDocument, root } from '../support/markdown.ts';

interface Locked {
  readonly license: string;
  /** Installed for those who develop only, unless `devOptional` says that others may want it too. */
  readonly dev?: boolean;
}

const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));
const { dependencies, peerDependencies } = read('package.json');
const packages: Record<string, Locked> = read('package-lock.json').packages;

const text = readDocument('docs/ARCHITECTURE.md');
const rows = text.split('\n').filter((line) => line.startsWith('| `'));

test('each direct dependency has a row with its licence', () => {
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const row = rows.find((line) => line.includes(`\`${name}\``));
    assert.ok(row, `no row for ${name}`);
    const { license } = packages[`node_modules/${name}`];
    assert.ok(row.includes(`| ${license} |`), `${name} is under ${license}: ${row}`);
  }
});

test('all that they depend on is under the terms that are named', () => {
  const named = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'];
  const others = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .filter(([, { license }]) => !named.some((name) => (license ?? '').split(/[() ]/).includes(name)))
    .map(([path, { license }]) => `${path}: ${license}`);
  assert.equal(others, []);
});

test.run();
