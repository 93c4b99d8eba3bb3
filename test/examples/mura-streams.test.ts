/** A training whose output, folder, cache or checkpoint is not as it should be: it says so, and what was trained is kept. */
import { type SpawnOptions, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { drawMura } from '../../lib/mura/synthetic.ts';
import { skipped } from '../support/skipped.ts';

const test = suite('streams and files of mura-train');
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const at = (name: string) => join(folder, name);

const DEVICE = ['--device', 'wasm', '--threads', '1', '--cache', 'none'];
const SMALL = [
  '--data',
  at('data'),
  '--model',
  'cnn2',
  '--size',
  '16',
  '--batch',
  '8',
  '--epochs',
  '3',
  ...DEVICE,
];
const weights = (out: string) => readFileSync(join(at(out), 'best.safetensors'), 'latin1');
const last = (out: string) => join(at(out), 'last.safetensors');

interface Launch {
  readonly name?: string;
  /** A command that runs the command after it. */
  readonly prefix?: readonly string[];
  readonly stdout?: 'pipe' | number;
  /** Is told of all of stdout whenever some comes. */
  readonly watch?: (output: string, child: ReturnType<typeof spawn>) => void;
}

/** Runs mura-train, or another program; what it wrote to stdout and to stderr. No end of it has a stack trace. */
async function train(
  args: readonly string[],
  { name = 'mura-train', prefix = [], stdout = 'pipe', watch }: Launch = {},
) {
  const [program, ...rest] = [...prefix, process.execPath, '--import', 'tsx', `examples/${name}.ts`, ...args];
  const options: SpawnOptions = { cwd: root, stdio: ['ignore', stdout, 'pipe'] };
  const child = spawn(program, rest, options);
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    output += chunk;
    watch?.(output, child);
  });
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.not.match(errors, /\n {4}at /, 'a stack trace');
  return { code, output, errors };
}

test.before(async () => {
  await drawMura(at('data'), { patients: { train: 2, valid: 1 } });
  const { code, errors } = await train([...SMALL, '--out', at('plain')]);
  assert.is(code, 0, errors);
});
test.after(() => rmSync(folder, { recursive: true }));

/** What was saved is good: the training goes on from it to the end of one that nothing disturbed. */
async function assertGoesOn(out: string): Promise<void> {
  const { code, errors } = await train(['--resume', last(out), ...DEVICE]);
  assert.is(code, 0, errors);
  assert.ok(weights(out) === weights('plain'), `${out} ends with other weights`);
}

test('| head -1: it saves, and ends as a program does whose reader is gone', async () => {
  const watch: Launch['watch'] = (output, { stdout }) => output.includes('\n') && stdout?.destroy();
  const { code, errors } = await train([...SMALL, '--out', at('head')], { watch });
  assert.equal([code, errors], [141, '']);
  await assertGoesOn('head');
});

test('a lost connection: it saves', async () => {
  const watch: Launch['watch'] = (output, child) =>
    /recipe:/.test(output) && !child.killed && child.kill('SIGHUP');
  const { code, output } = await train([...SMALL, '--out', at('hangup')], { watch });
  assert.is(code, 129);
  assert.match(output, `go on with --resume ${last('hangup')}`);
  await assertGoesOn('hangup');
});

test('> /dev/full: it says so once, and trains on to its end', async () => {
  if (!existsSync('/dev/full')) return skipped('output on a full disk', 'there is no /dev/full');
  const stdout = openSync('/dev/full', 'w');
  const { code, errors } = await train([...SMALL, '--out', at('full')], { stdout });
  closeSync(stdout);
  assert.equal(
    [code, errors],
    [1, 'output cannot be written (ENOSPC): what is printed from here on is lost\n'],
  );
  assert.ok(weights('full') === weights('plain'));
  assert.ok(existsSync(join(at('full'), 'result.json')));
});

test('mura-predict > /dev/full: predictions are not lost without a word', async () => {
  if (!existsSync('/dev/full')) return skipped('predictions on a full disk', 'there is no /dev/full');
  const stdout = openSync('/dev/full', 'w');
  const args = [at('data'), '--weights', join(at('plain'), 'best.safetensors'), '--json', '--no-overlays'];
  const device = ['--device', 'wasm', '--threads', '1'];
  const { code, errors } = await train([...args, ...device], { name: 'mura-predict', stdout });
  closeSync(stdout);
  assert.is(code, 1);
  assert.match(errors, /^output cannot be written \(ENOSPC\): what is printed from here on is lost$/m);
});

test('a folder that cannot be written, or has no room, is named before the first epoch', async () => {
  writeFileSync(at('file'), '');
  const none = await train([...SMALL, '--out', join(at('file'), 'out')]);
  assert.is(none.code, 1);
  assert.match(
    none.errors,
    /^GradiographError: .*file.out.*: cannot be written \(ENOTDIR: not a directory\)\n$/,
  );
  assert.not.match(none.output, /epoch/);
  const limit = ['bash', '-c', 'ulimit -f 16 && exec "$0" "$@"'];
  const small = await train([...SMALL, '--size', '64', '--out', at('small')], { prefix: limit });
  assert.is(small.code, 1);
  assert.match(
    small.errors,
    /^GradiographError: .*small.last\.safetensors: cannot be written \(EFBIG: file too large\)\n$/,
  );
  assert.not.match(small.output, /epoch 1/);
});

test('a cache that cannot be written is one warning', async () => {
  writeFileSync(at('no-cache'), '');
  const args = [...SMALL, '--cache', at('no-cache'), '--workers', '2', '--out', at('uncached')];
  const { code, errors } = await train(args);
  assert.is(code, 0, errors);
  assert.match(
    errors,
    /^\(node:\d+\) GradiographWarning: image cache: .*no-cache.*\n\(Use `node --trace-warnings.*\n$/,
  );
  assert.ok(weights('uncached') === weights('plain'));
});

test('a checkpoint that is cut off is named, and left as it is', async () => {
  await train([...SMALL, '--epochs', '1', '--out', at('cut')]);
  const path = last('cut');
  const { length } = readFileSync(path);
  for (const size of [length - 1, 1000, 7, 0]) {
    truncateSync(path, size);
    const { code, errors } = await train(['--resume', path, ...DEVICE]);
    assert.is(code, 1);
    assert.match(errors, new RegExp(`^FormatError: (--resume: )?${path}: .*\n$`), String(size));
    assert.is(readFileSync(path).length, size);
  }
});

test.run();
