/** What the device says where `ulimit -v` leaves it too little address space: what it says is enough is enough. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeMajor } from '../../../lib/devices/host.ts';
import { skipped } from '../../support/skipped.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradiograph-address-space-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
/** Plain JavaScript: tsx has a WebAssembly memory of its own. */
const program = join(folder, 'program.mjs');
await build({
  stdin: {
    contents: `
      import { createWasmDevice } from './device.ts';
      try {
        const device = await createWasmDevice({ threads: 2 });
        console.log('opened');
        await device.dispose();
      } catch (error) {
        console.log(error.name + ': ' + error.message);
      }`,
    resolveDir: fileURLToPath(new URL('../../../lib/devices/wasm', import.meta.url)),
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  external: ['webgpu'],
  outfile: program,
});

function openWith(kibibytes: number, ...flags: string[]): string {
  const limited = ['-c', `ulimit -v ${kibibytes} && exec "$0" "$@"`, process.execPath, ...flags, program];
  const { status, stdout, stderr } = spawnSync('bash', limited, { encoding: 'utf8' });
  assert.is(status, 0, `${kibibytes} KiB: ${stdout}${stderr}`);
  return stdout.trim();
}

const GiB = 2 ** 20;
if (process.platform !== 'linux') skipped('the limit of address space', 'ulimit -v is Linux');
else if (nodeMajor < 24) {
  test('the error names what V8 reserves and what is enough, which is enough', () => {
    const message = openWith(8 * GiB);
    assert.match(message, /^DeviceError: wasm: .*too little address space: V8 reserves 10 GiB/);
    const [, enough] = message.match(/ulimit -v (\d+)/) ?? [];
    assert.is(openWith(Number(enough)), 'opened');
    const [, flag, gibibytes] = message.match(/node (--[\w-]+) does with (\d+) GiB/) ?? [];
    assert.is(openWith(Number(gibibytes) * GiB, flag), 'opened');
  });
} else {
  test('8 GiB are enough for a V8 that checks bounds itself', () => {
    assert.is(openWith(8 * GiB), 'opened');
  });
}
test.run();
