import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listFiles } from '../../lib/data/list-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const outside = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => {
  for (const each of [folder, outside]) rmSync(each, { recursive: true });
});

test('links are followed, loops of them end, and each file is there once', async () => {
  mkdirSync(join(folder, 'b/deep'), { recursive: true });
  mkdirSync(join(folder, 'a'));
  for (const name of ['b/2.png', 'b/1.png', 'b/deep/3.png']) writeFileSync(join(folder, name), '');
  writeFileSync(join(outside, '4.png'), '');
  symlinkSync(outside, join(folder, 'b/elsewhere'));
  symlinkSync(join(outside, '4.png'), join(folder, 'file'));
  symlinkSync('nowhere', join(folder, 'broken'));
  // Two links up from each folder: a walk that follows them all never ends.
  for (const place of ['a', 'b', 'b/deep']) {
    symlinkSync(folder, join(folder, place, 'up1'));
    symlinkSync('..', join(folder, place, 'up2'));
  }
  symlinkSync('b', join(folder, 'again'));
  symlinkSync('loop', join(folder, 'loop'));
  assert.equal(await listFiles(folder), [
    'b/1.png',
    'b/2.png',
    'b/deep/3.png',
    'b/elsewhere/4.png',
    'broken',
    'file',
    'loop',
  ]);
});

test.run();
