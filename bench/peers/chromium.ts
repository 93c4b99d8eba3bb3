/** A contestant in headless Chromium: `gradiograph` or `tfjs`. */
import { fileURLToPath } from 'node:url';
import { bundle, openPage } from '../../test/support/chromium.ts';
import { serveLines } from './serve.ts';
import { TFJS_SCRIPT } from './tfjs-scripts.ts';

const name = process.argv[2];
const { page } = await openPage(await bundle(new URL('page.ts', import.meta.url).href));
const browser = `Chromium ${page.context().browser()?.version()}`;
if (name === 'tfjs') await page.addScriptTag({ path: fileURLToPath(TFJS_SCRIPT) });
const hello = await page.evaluate(([who, where]) => window.enter(who, where), [name, browser] as const);
await serveLines(hello, (request) => page.evaluate((asked) => window.answer(asked), request));
