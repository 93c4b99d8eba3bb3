import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(out, { recursive: true }));

test('weights of one half of the regions, under a new head, beat training from scratch on the other half', () => {
  const args = ['--import', 'tsx', 'examples/mura-transfer.ts', '--device', 'wasm', '--out', out];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.ok(existsSync(join(out, 'source.safetensors')));
  assert.match(stdout, /new head: classifier\.fc2\.weight, classifier\.fc2\.bias/);
  const kappa = (row: string) => Number(new RegExp(`^${row} +[\\d.]+ +([-\\d.]+)`, 'm').exec(stdout)?.[1]);
  assert.ok(kappa('transfer') > kappa('from scratch'), stdout);
});

test.run();
