import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle, chromiumPath, openPage } from '../support/chromium.ts';
import { skipped } from '../support/skipped.ts';

const test = suite('training in a page');

if (!chromiumPath) skipped('training in a module worker', 'no Chromium; CHROMIUM names one');
else {
  test('a module worker trains, saves, goes on and explains, without a module of Node', async () => {
    const worker = await bundle(new URL('trainer-worker.ts', import.meta.url).href);
    const script = `
      const source = new Blob([${JSON.stringify(worker)}], { type: 'text/javascript' });
      const worker = new Worker(URL.createObjectURL(source), { type: 'module' });
      globalThis.answer = new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ failure: message });
      });`;
    await using open = await openPage(script);
    const { result, failure } = (await open.page.evaluate('answer')) as {
      result: {
        losses: number[];
        accuracy: number;
        resumedAt: number;
        map: number[];
        batches: number;
        saves: number;
      };
      failure?: string;
    };
    assert.is(failure, undefined, open.console.join('\n'));
    assert.ok(result.losses[3] < result.losses[0], `losses ${result.losses}`);
    assert.ok(result.accuracy > 0.5, `accuracy ${result.accuracy}`);
    assert.equal([result.resumedAt, result.batches, result.saves], [4, 16, 4]);
    assert.equal(result.map, [16, 16]);
  });
}

test.run();
