import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skipped } from '../support/skipped.ts';

const test = suite('npm run bench');
const root = fileURLToPath(new URL('../..', import.meta.url));
const args = ['--import', 'tsx', 'bench/kernels.ts'];
const flags = ['--device', 'wasm', '--batch', '1', '--seconds', '4', '--filter', 'global'];
const ROW = /^global average pool .*\n/gm;

test('on a pipe it prints the machine and one table, and nothing while it measures', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...args, ...flags], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  const rows = stdout.match(ROW) ?? [];
  assert.is(rows.length, 2, stdout);
  const [before, after] = stdout.split(rows.join(''));
  assert.match(before, /^wasm: .*\n.*\nat most .*\nbatch 1\n\n+kernel +pass .*\n-+\n$/);
  assert.match(after, /^\n\+-: /);
});

const command = [process.execPath, ...args, ...flags].map((word) => `'${word}'`).join(' ');
const terminal = () => spawnSync('script', ['-qec', command, '/dev/null'], { cwd: root, encoding: 'utf8' });

if (spawnSync('script', ['--version']).error) skipped('npm run bench on a terminal', "there is no 'script'");
else
  test('on a terminal there is one line beside, that is drawn over', () => {
    const { stdout, status } = terminal();
    assert.is(status, 0, stdout);
    const lines = stdout.replaceAll('\r\n', '\n').split('\n');
    const [drawn, ...others] = lines.filter((line) => line.includes('\r'));
    assert.is(others.length, 0, JSON.stringify(others));
    assert.match(drawn, /^(\r.\[2Kmeasuring [^\r\n]*pool[^\r\n]*)+\r.\[2K$/);
    assert.is(lines.filter((line) => /pool/.test(line)).length, 1 + 2);
  });

test.run();
