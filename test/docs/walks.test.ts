/** The first walk of CONTRIBUTING.md, walked: its patch applies, compiles and computes; and what the second says of the compiler. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hashed } from '../support/hashed.ts';
import { codeBlocks, readDocument, root } from '../support/markdown.ts';
import { skipped } from '../support/skipped.ts';

const copy = mkdtempSync(join(tmpdir(), 'gradiograph-walk-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const name of ['package.json', 'tsconfig.json', 'kernels', 'lib', 'examples', 'bench', 'test']) {
  cpSync(join(root, name), join(copy, name), {
    recursive: true,
    filter: (path) => !path.endsWith('node_modules'),
  });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

const run = (command: string, args: readonly string[], input = '') =>
  spawnSync(command, args, { cwd: copy, input, encoding: 'utf8' });

/** The files that do not compile. */
function compile(): string[] {
  const { stdout } = run(process.execPath, [join(root, 'node_modules/.bin/tsc'), '--noEmit']);
  return [...new Set([...stdout.matchAll(/^(\S+?)\(\d+,\d+\): error/gm)].map(([, file]) => file))].sort();
}

function edit(path: string, change: (text: string) => string): void {
  const before = readFileSync(join(copy, path), 'utf8');
  const after = change(before);
  assert.is.not(after, before, `${path} is not as the test expects it`);
  writeFileSync(join(copy, path), after);
}

/** The paths between backticks of a part of the text. */
const pathsIn = (text: string) =>
  [...text.matchAll(/`((?:lib|kernels|test)\/[\w./-]+\.\w+)`/g)].map(([, path]) => path);

const section = (title: string): string =>
  readDocument('CONTRIBUTING.md')
    .split('\n## ')
    .find((part) => part.startsWith(title)) ?? '';

const base64 = (values: readonly number[]) =>
  Buffer.from(Float32Array.from(values).buffer).toString('base64');

/** A row of ops.json for x - tanh(x), whose derivative is tanh(x)^2, as record.py has PyTorch compute it. */
function recordedRow() {
  const [shape, seed, upstream] = [[3, 5], 1, 2];
  const x = [...hashed(15, seed, -3, 3)];
  return {
    name: 'tanhshrink: both signs',
    inputs: [{ shape, differentiable: true, hash: [seed, -3, 3] }],
    args: {},
    smooth: true,
    output: { shape, data: base64(x.map((value) => value - Math.tanh(value))) },
    upstream,
    gradients: [base64([...hashed(15, upstream)].map((dy, i) => dy * Math.tanh(x[i]) ** 2))],
  };
}

const test = suite('walks');

if (run('git', ['--version']).error) skipped('the first walk of CONTRIBUTING.md', 'there is no git');
else {
  test('the first patch applies, and its files are those of the text', () => {
    const [patch] = codeBlocks('CONTRIBUTING.md').filter(({ language }) => language === 'diff');
    const { status, stderr } = run('git', ['apply', '--unidiff-zero', '-C1', '-'], patch.code);
    assert.is(status, 0, `${stderr}: mend the patch in CONTRIBUTING.md`);
    const [files] = section('Walk 1').split('A call that is more');
    const byHand = [...patch.code.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, path]) => path);
    assert.is(byHand.length, 3);
    for (const path of byHand) assert.ok(pathsIn(files).includes(path), `${path} is not in the text`);
  });

  test('it compiles, and computes what PyTorch does, with its gradient', () => {
    edit('test/golden/ops.json', (text) =>
      JSON.stringify({ ...JSON.parse(text), tanhshrink: [recordedRow()] }),
    );
    assert.equal(compile(), []);
    for (const file of ['test/ops/reference.test.ts', 'test/ops/complete.test.ts']) {
      const { status, stdout, stderr } = run(process.execPath, ['--import', 'tsx', file]);
      assert.is(status, 0, stdout + stderr);
    }
  });

  test('without its row the table is not complete', () => {
    edit('test/golden/ops.json', (text) => {
      const { tanhshrink, ...others } = JSON.parse(text);
      assert.ok(tanhshrink);
      return JSON.stringify(others);
    });
    const { status, stdout } = run(process.execPath, ['--import', 'tsx', 'test/ops/complete.test.ts']);
    assert.is(status, 1);
    assert.match(stdout, 'tanhshrink');
  });

  test('the compiler names the files of the second walk', () => {
    edit('kernels/primitives.ts', (text) =>
      text
        .replace("  'log',\n", "  'log',\n  'made_up',\n")
        .replace("  log: 'input',\n", "  log: 'input',\n  made_up: 'input',\n"),
    );
    const [, named] = section('Walk 2').split('The compiler then names');
    assert.equal(compile(), pathsIn(named.split('With the recorded')[0]).sort());
  });
}

test.run();
