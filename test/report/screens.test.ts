/** The report in Chromium, on a phone, a tablet and a wide screen: all of it can be read, and paths can be copied. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { renderReport } from '../../lib/report/page.ts';
import { chromiumPath } from '../support/chromium.ts';
import { skipped } from '../support/skipped.ts';
import { madeUpReport } from './made-up.ts';

const test = suite('report on screens');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-report-'));
const report = madeUpReport();
let browser: Browser;

test.before(async () => {
  writeFileSync(join(folder, 'report.html'), renderReport(report));
  browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
});
test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

async function open(width: number) {
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  await page.goto(pathToFileURL(join(folder, 'report.html')).href);
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  return page;
}

for (const width of [360, 800, 1600]) {
  test(`at ${width} pixels nothing has to be scrolled sideways, and no writing in a chart is too small to read`, async () => {
    const page = await open(width);
    const { wide, small } = await page.evaluate(() => ({
      wide: [document.documentElement, ...document.querySelectorAll('.scroll')]
        .filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => box.getAttribute('aria-label') ?? 'the page'),
      small: [...document.querySelectorAll<SVGTextElement>('svg text')]
        .map((text) => Number.parseFloat(getComputedStyle(text).fontSize) * (text.getScreenCTM()?.a ?? 0))
        .filter((size) => size < 9 || size > 20),
    }));
    assert.equal(wide, []);
    assert.equal(small, []);
    await page.close();
  });
}

test('on a phone each figure of a table stands beside what it is', async () => {
  const page = await open(360);
  const bare = await page.evaluate(
    () =>
      [...document.querySelectorAll('.stack td')].filter((cell) => {
        const { content, display } = getComputedStyle(cell, '::before');
        return display === 'none' || !/^"[^"]*[a-zA-Z][^"]*"$/.test(content);
      }).length,
  );
  assert.is(bare, 0);
  assert.ok((await page.locator('.stack td').count()) > 100);
  await page.close();
});

test('a click on the path below a picture selects it as it is, to be pasted', async () => {
  const page = await open(800);
  const captions = page.locator('#gallery .path');
  assert.is(await captions.count(), report.gallery.length);
  for (const i of [0, 3]) {
    await captions.nth(i).click();
    assert.is(await page.evaluate(() => String(getSelection())), report.gallery[i].image.path);
  }
  await page.close();
});

if (chromiumPath) test.run();
else skipped('the report on screens', 'there is no Chromium; set CHROMIUM, or npm run setup:gl');
