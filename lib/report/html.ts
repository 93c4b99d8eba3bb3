/** HTML from tagged templates, in which every value is escaped that is not HTML by its type. */
import { visible } from '../printable.ts';

/** Text that is HTML already. */
export class Markup {
  constructor(
    /** The HTML. */
    readonly text: string,
  ) {}
}

/** What a template may hold; null leaves nothing, lists are joined without anything between. */
export type Part = Markup | string | number | null | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (part === null) return '';
  if (typeof part === 'object') return part.map(textOf).join('');
  return visible(String(part)).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** `` html`<td title="${name}">${value}</td>` ``: safe between tags, and in attributes that are quoted. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(String.raw({ raw: strings }, ...parts.map(textOf)));
