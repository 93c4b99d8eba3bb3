import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printable, visible, visibleJson } from '../lib/printable.ts';

const NAMES = [
  'wrist.png',
  'left hand/Müller.png',
  'two\nlines.png',
  'two\\nlines.png',
  "$'two\\nlines.png'",
  '\x1b[31mred\x1b[0m.png',
  '\x1b]0;title\x07.png',
  '\u009b2J.png',
  "it's\r.png",
  'gnp.\u202etsirw',
  'wrist\u200b.png',
  'wrist\u00ad.png',
  '手\t.png',
];

test('what is shown of a name acts on nothing, and no two names look the same', () => {
  const shown = NAMES.map(printable);
  for (const name of shown) assert.match(name, /^[^\p{C}\u2028\u2029]*$/u);
  assert.is(new Set(shown).size, NAMES.length);
  assert.is(printable('left hand/Müller.png'), 'left hand/Müller.png');
  assert.is(printable('two\nlines.png'), "$'two\\nlines.png'");
});

test('a shell takes what is shown for the name that was meant', () => {
  for (const name of NAMES.filter((name) => printable(name) !== name)) {
    const { stdout } = spawnSync('bash', ['-c', `printf %s ${printable(name)}`], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    assert.is(stdout, name);
  }
});

test('a message keeps its lines and its letters, but nothing in it acts', () => {
  assert.is(visible('a: \x1b[2Jbroken\n\tmore — «‌ک»\r'), 'a: \\x1b[2Jbroken\n\tmore — «‌ک»\\r');
});

test('JSON reads back as it was, and nothing in it acts', () => {
  const text = visibleJson({ names: NAMES });
  assert.equal(JSON.parse(text), { names: NAMES });
  assert.not.match(text, /(?![\n\u00ad\u200b])\p{C}|\p{Zl}|\p{Zp}/u);
});

test.run();
