import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GradiographError } from '../../lib/errors.ts';
import { lockFolder } from '../../lib/train/folder-lock.ts';

const test = suite('folder lock');
const root = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const children: ChildProcess[] = [];
test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(root, { recursive: true });
});

const lib = fileURLToPath(new URL('../../lib/train/folder-lock.ts', import.meta.url));
const PROGRAM = `
import { lockFolder } from ${JSON.stringify(lib)};
try {
  await lockFolder(process.argv[1]);
  console.log('has it');
  setInterval(() => {}, 1000);
} catch (error) {
  console.log(error.name + ': ' + error.message);
}`;

/** Another process that takes the folder, and what it says of that. */
async function other(folder: string): Promise<{ child: ChildProcess; says: string }> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM, folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [says] = await once(child.stdout, 'data');
  return { child, says: String(says).trim() };
}

const refusal = (folder: string): Promise<unknown> =>
  lockFolder(folder).then(
    () => assert.unreachable('should have been refused'),
    (error) => error,
  );

test('one at a time has a folder, and leaves nothing in it', async () => {
  const folder = join(root, 'deep', 'run');
  const lock = await lockFolder(folder);
  assert.match(String(await refusal(folder)), /^GradiographError: .*deep.run: another run is going on/);
  const { says } = await other(folder);
  assert.match(
    says,
    `GradiographError: ${folder}: another run is going on in this folder, process ${process.pid}`,
  );
  await lock[Symbol.asyncDispose]();
  assert.equal(readdirSync(folder), []);
  await using again = await lockFolder(folder);
  assert.ok(again);
});

test('of several that come at once one has it', async () => {
  const folder = join(root, 'race');
  const answers = await Promise.all(Array.from({ length: 4 }, () => other(folder)));
  const said = answers.map(({ says }) => says);
  assert.is(said.filter((text) => text === 'has it').length, 1, said.join('\n'));
});

test('a process that was killed holds nothing, though another has its pid', async () => {
  const folder = join(root, 'killed');
  const { child, says } = await other(folder);
  assert.is(says, 'has it');
  assert.instance(await refusal(folder), GradiographError);
  child.kill('SIGKILL');
  await once(child, 'close');
  const [left] = readdirSync(folder);
  assert.ok(left);
  writeFileSync(join(folder, left.replace(`-${child.pid}-`, `-${process.ppid}-`)), '');
  await using lock = await lockFolder(folder);
  assert.ok(lock);
  assert.is(readdirSync(folder).length, 1, 'stale files are gone');
});

test('a process of another machine counts as alive, and its file is named', async () => {
  const folder = join(root, 'shared');
  mkdirSync(folder);
  const file = join(folder, `.lock-not%2D${encodeURIComponent(hostname()).replaceAll('-', '%2D')}-1-1-0`);
  writeFileSync(file, '');
  const error = await refusal(folder);
  assert.instance(error, GradiographError);
  assert.match(
    (error as Error).message,
    `process 1 on not-${hostname()}; if that has ended, delete ${file};`,
  );
});

test.run();
