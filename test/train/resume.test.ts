import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('resume');
const script = fileURLToPath(new URL('killable.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const folder = (name: string) => join(root, name);
test.after(() => rmSync(root, { recursive: true }));

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  /** From the first step to the end. */
  milliseconds: number;
}

/**
 * Runs the training; `disturb` is called when it begins to train, with a way to send it a signal.
 * @param launch a command that runs the command after it
 */
function run(
  args: readonly string[],
  disturb: (kill: (signal: NodeJS.Signals) => void) => void = () => {},
  launch: readonly string[] = [],
): Promise<Ending> {
  const [program, ...rest] = [...launch, process.execPath, '--import', 'tsx', script, ...args];
  return new Promise((resolve) => {
    const child = spawn(program, rest);
    let [output, start] = ['', 0];
    child.stdout.once('data', () => {
      start = performance.now();
      disturb((signal) => void child.kill(signal));
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('close', (code, signal) =>
      resolve({ code, signal, output, milliseconds: performance.now() - start }),
    );
  });
}

const RESULTS = ['final.safetensors', 'history.json'];
const FILES = [...RESULTS, 'last.safetensors', 'log.csv'].sort();

/** The results are byte for byte those of the run that nothing disturbed, and nothing else is left. */
function assertSame(name: string, story: string): void {
  for (const file of RESULTS) {
    const same = readFileSync(join(folder(name), file)).equals(readFileSync(join(folder('whole'), file)));
    assert.ok(same, `${file} differs after ${story}`);
  }
  assert.equal(readdirSync(folder(name)).sort(), FILES, story);
}

let duration = 0;

test('a training that nothing disturbs', async () => {
  const { code, output, milliseconds } = await run([folder('whole')]);
  assert.is(code, 0, output);
  duration = milliseconds;
  assert.equal(readdirSync(folder('whole')).sort(), FILES);
});

test('killed at random moments, it ends with the same bits', async () => {
  const story: string[] = [];
  for (let kills = 0; kills < 3; kills++) {
    const wait = Math.round((Math.random() * duration) / 2);
    story.push(`SIGKILL ${wait} ms after its start`);
    const { code, signal, output } = await run([folder('random')], (kill) => {
      void setTimeout(wait).then(() => kill('SIGKILL'));
    });
    assert.ok(signal === 'SIGKILL' || code === 0, output);
  }
  const { code, output } = await run([folder('random')]);
  assert.is(code, 0, output);
  assertSame('random', story.join(', '));
});

test('killed between a temporary file and its new name, or just after, it ends with the same bits', async () => {
  const last = join(folder('rename'), 'last.safetensors');
  const moments: [string, number][] = [
    ['before', 1],
    ['after', 1],
    ['before', 14],
  ];
  for (const [moment, renames] of moments) {
    const before = existsSync(last) ? readFileSync(last) : null;
    const { signal, output } = await run([folder('rename'), 'SIGKILL', moment, String(renames)]);
    assert.is(signal, 'SIGKILL', output);
    const names = readdirSync(folder('rename')).filter((name) => name.endsWith('.tmp'));
    assert.is(names.length, moment === 'before' ? 1 : 0, 'a temporary file is left behind');
    if (renames === 1 && moment === 'before') assert.is(before ?? existsSync(last), false);
    else assert.not.equal(readFileSync(last), before);
  }
  const { code, output } = await run([folder('rename')]);
  assert.is(code, 0, output);
  assertSame('rename', 'kills at renames');
});

test('Ctrl-C saves at the step it has reached and ends with 130, and the training goes on from there', async () => {
  const { code, signal, output } = await run([folder('interrupted'), 'SIGINT', 'after', '3']);
  assert.is(code, 130, `${signal}\n${output}`);
  assert.match(output, /interrupted\n$/);
  assert.equal(readdirSync(folder('interrupted')), ['last.safetensors'], 'the first epoch is not over');
  const again = await run([folder('interrupted')]);
  assert.is(again.code, 0, again.output);
  assertSame('interrupted', 'Ctrl-C');
});

test('where the room for a checkpoint ends it is named, the one before stays, and the training goes on from it', async () => {
  const begun = await run([folder('full'), 'SIGINT', 'after', '3']);
  assert.is(begun.code, 130, begun.output);
  const last = join(folder('full'), 'last.safetensors');
  const before = readFileSync(last);
  const limit = `ulimit -f ${Math.ceil(before.length / 2 / 1024)} && exec "$0" "$@"`;
  const { code, output } = await run([folder('full')], () => {}, ['bash', '-c', limit]);
  assert.is(code, 1, output);
  assert.match(
    output,
    /GradiographError: .*full.last\.safetensors: cannot be written \(EFBIG: file too large\)/,
  );
  assert.equal(readFileSync(last), before);
  assert.equal(readdirSync(folder('full')), ['last.safetensors']);
  const again = await run([folder('full')]);
  assert.is(again.code, 0, again.output);
  assertSame('full', 'a full disk');
});

test.run();
