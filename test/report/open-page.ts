/** A report as a reader's browser has it. */
import { parseHTML } from 'linkedom';
import * as assert from 'uvu/assert';
import { type Report, renderReport } from '../../lib/report/page.ts';
import { madeUpReport } from './made-up.ts';

export const parse = (page: string): Document => parseHTML(page).document;
export const textOf = (node: ParentNode | null): string =>
  (node as Element | null)?.textContent?.replace(/\s+/g, ' ').trim() ?? '';
export const texts = (root: ParentNode, selector: string): string[] =>
  [...root.querySelectorAll(selector)].map(textOf);

/** What holds for every page: each tag is closed, each link leads somewhere in it, each picture has words, no figure is NaN. */
export function openSound(page: string): Document {
  const open: string[] = [];
  for (const [, slash, name, self] of page
    .replace(/<style>.*?<\/style>/gs, '')
    .matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
    if (['meta', 'img', 'br', 'wbr'].includes(name) || self) continue;
    if (slash) assert.is(open.pop(), name, `</${name}> closes what is open`);
    else open.push(name);
  }
  assert.equal(open, []);

  const document = parse(page);
  assert.not.match(
    page,
    /<script|\son\w+=|javascript:|@import|(?:src|href|action|data)="(?!data:image\/png;base64,|#)/i,
  );
  assert.not.match(page.replace(/http-equiv="[^"]*"/, ''), /url\(|https?:\/\/(?!www\.w3\.org)/);
  for (const link of document.querySelectorAll('a')) {
    assert.ok(document.getElementById((link.getAttribute('href') ?? '').slice(1)), link.outerHTML);
  }
  for (const svg of document.querySelectorAll('svg')) {
    assert.is(svg.getAttribute('role'), 'img');
    assert.ok(svg.getAttribute('aria-label'));
    assert.not.match(svg.outerHTML, /NaN|undefined|Infinity/);
  }
  for (const picture of document.querySelectorAll('img')) assert.ok(picture.getAttribute('alt'));
  for (const table of document.querySelectorAll('table')) assert.ok(textOf(table.querySelector('caption')));
  assert.not.match(textOf(document.body), /NaN|Infinity|\[object/);
  return document;
}

export const pageOf = (parts: Partial<Report> = {}) => openSound(renderReport(madeUpReport(parts)));

/** The cells of a table's row. */
export function rowOf(table: Element, title: string): string[] {
  const row = [...table.querySelectorAll('tr')].find(
    (row) => textOf(row.querySelector('th[scope=row]')) === title,
  );
  return row ? texts(row, 'td') : [];
}

export const tableOf = (document: Document, caption: string): Element => {
  const table = [...document.querySelectorAll('table')].find(
    (one) => textOf(one.querySelector('caption')) === caption,
  );
  if (!table) throw new Error(`no table '${caption}' among ${texts(document, 'caption').join(', ')}`);
  return table;
};
