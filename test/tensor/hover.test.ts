import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tensor } from '../../lib/index.ts';
import { hover } from '../support/language-server.ts';

test('an editor shows a text for every member of a tensor, not its type alone', async () => {
  const names = Object.getOwnPropertyNames(Tensor.prototype).filter((name) => name !== 'constructor');
  assert.ok(names.length > 60, `${names.length} members`);
  const lines = ["import type { Tensor } from '../../lib/index.ts';", 'declare const x: Tensor;'];
  const text = [...lines, ...names.map((name) => `x.${name};`)].join('\n');
  const shown = await hover(
    'hover.ts',
    text,
    names.map((_, i) => ({ line: lines.length + i, character: 3 })),
  );
  const bare = names.filter((_, i) => {
    const described = shown[i]?.replace(/```.*?```/gs, '').trim();
    return !described;
  });
  assert.equal(bare, []);
});

test.run();
