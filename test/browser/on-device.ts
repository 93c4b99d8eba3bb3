/** The op table and a training on one device in headless Chromium, as uvu tests. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DeviceName } from '../../lib/devices/device.ts';
import { bundle, chromiumPath, openPage } from '../support/chromium.ts';
import { skipped } from '../support/skipped.ts';
import type { PageApi } from './page.ts';

declare const page: PageApi;

/** @param isolated whether the page may use SharedArrayBuffer */
export async function testInChromium(device: DeviceName, { isolated = true } = {}): Promise<void> {
  const where = `Chromium ${device}${isolated ? '' : ', not cross-origin isolated'}`;
  if (!chromiumPath) {
    skipped(where, 'no Chromium here; install one (npm run setup:gl) or name it in CHROMIUM');
    return;
  }
  await using opened = await openPage(await bundle(new URL('page.ts', import.meta.url).href), { isolated });
  const missing = await opened.page.evaluate((device) => page.whatIsMissing(device), device);
  if (missing) {
    skipped(where, missing);
    return;
  }
  const table = await opened.page.evaluate((device) => page.runTable(device), device);
  const training = await opened.page.evaluate((device) => page.train(device, 20), device);
  console.log(`${where}: ${table.description}`);

  const test = suite(where);
  test('names the backend that executes', () => assert.match(table.description, new RegExp(device, 'i')));
  for (const { name, error } of table.results) {
    test(name, () => {
      if (error) throw new Error(error);
    });
  }
  test('a training lowers its loss and leaves memory() as it was', () => {
    const { losses, tensors } = training;
    assert.ok(losses[19] < losses[0] / 2, `losses ${losses}`);
    assert.equal(tensors.slice(2), tensors.slice(2).fill(tensors[2]));
  });
  test.run();
}
