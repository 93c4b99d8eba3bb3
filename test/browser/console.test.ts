/** What the console of a browser's developer tools shows of a tensor. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle, chromiumPath, openPage } from '../support/chromium.ts';
import { skipped } from '../support/skipped.ts';
import type { PageApi } from './page.ts';

declare const page: PageApi;

if (!chromiumPath) skipped("Chromium's console", 'no Chromium here; install one or name it in CHROMIUM');
else {
  test("Chromium's console shows values, shape and device", async () => {
    await using opened = await openPage(await bundle(new URL('page.ts', import.meta.url).href));
    const tools = await opened.page.context().newCDPSession(opened.page);
    const shown: string[] = [];
    tools.on('Runtime.consoleAPICalled', ({ args }) => {
      for (const { customPreview } of args) shown.push(JSON.parse(customPreview?.header ?? '[]').at(-1));
    });
    await tools.send('Runtime.enable');
    await tools.send('Runtime.setCustomObjectFormatterEnabled', { enabled: true });
    await opened.page.evaluate(() => page.logTensor([[1, 2]]));
    assert.equal(shown, ["tensor([[1., 2.]], shape=[1, 2], device='wasm')"]);
  });
  test.run();
}
