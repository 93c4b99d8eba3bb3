import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { catchInterrupt } from '../../lib/train/interrupt.ts';
import { skipped } from '../support/skipped.ts';

const lib = fileURLToPath(new URL('../../lib/train/interrupt.ts', import.meta.url));

const programOf = (body: string): string[] => [
  ...['--import', 'tsx', '--input-type=module', '--eval'],
  `import { catchInterrupt } from ${JSON.stringify(lib)};\n${body}`,
];

/** Runs a program that says when it is ready; each line of its output is answered by the next signal. */
function run(body: string, signals: NodeJS.Signals[]) {
  return new Promise<{ code: number | null; signal: string | null; output: string }>((resolve) => {
    const child = spawn(process.execPath, programOf(body));
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.stdout.on('data', (chunk) => {
      output += chunk;
      child.kill(signals.shift());
    });
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

test('the first signal aborts, and the program ends in its own time with the code of that signal', async () => {
  const body = `
    import { writeSync } from 'node:fs';
    using interrupt = catchInterrupt(() => process.stderr.write('stopping '));
    writeSync(1, 'ready ');
    while (!interrupt.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
    process.stderr.write('saved');`;
  // A using declaration is not plain JavaScript in Node 20.
  const plain = body.replace('using', 'const');
  assert.equal(await run(plain, ['SIGINT']), { code: 130, signal: null, output: 'ready stopping saved' });
  assert.equal(await run(plain, ['SIGTERM']), { code: 143, signal: null, output: 'ready stopping saved' });
  assert.equal(await run(plain, ['SIGHUP']), { code: 129, signal: null, output: 'ready stopping saved' });
});

test('a reader of the output that goes away aborts too', async () => {
  const body = `
    const interrupt = catchInterrupt(() => process.stderr.write('stopping '));
    while (!interrupt.signal.aborted) {
      process.stdout.write('ready ');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    process.stderr.write('saved');`;
  const child = spawn(process.execPath, programOf(body), { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.once('data', () => child.stdout.destroy());
  const text = (await child.stderr.toArray()).join('');
  assert.equal([text, child.exitCode ?? (await once(child, 'close'))[0]], ['stopping saved', 141]);
});

test('output that cannot be written is told once, and the program goes on to its end', async () => {
  if (!existsSync('/dev/full')) return skipped('output on a full disk', 'there is no /dev/full');
  const body = `
    const interrupt = catchInterrupt(() => {});
    for (let i = 0; i < 5; i++) {
      process.stdout.write('lost ');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    process.stderr.write(interrupt.signal.aborted ? 'aborted' : 'saved');`;
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, programOf(body), { stdio: ['ignore', full, 'pipe'] });
  assert.ok(child.stderr);
  const text = (await child.stderr.toArray()).join('');
  closeSync(full);
  assert.is(text, 'output cannot be written (ENOSPC): what is printed from here on is lost\nsaved');
  assert.is(child.exitCode ?? (await once(child, 'close'))[0], 1);
});

test('the second ends it at once, though the thread is busy for good', async () => {
  const body = `
    import { writeSync } from 'node:fs';
    catchInterrupt(() => {
      writeSync(1, 'busy ');
      for (;;);
    });
    writeSync(1, 'ready ');
    setInterval(() => {}, 1000);`;
  assert.equal(await run(body, ['SIGINT', 'SIGINT']), {
    code: null,
    signal: 'SIGINT',
    output: 'ready busy ',
  });
});

test('disposed, it leaves signals to others', () => {
  const before = process.listenerCount('SIGINT');
  {
    using interrupt = catchInterrupt(() => {});
    assert.is(process.listenerCount('SIGINT'), before + 1);
    assert.is(interrupt.signal.aborted, false);
  }
  assert.is(process.listenerCount('SIGINT'), before);
  assert.is(process.listenerCount('SIGTERM'), 0);
});

test.run();
