/** Names and messages as a terminal or a page may show them: no escape sequence, line break or direction mark acts, each is seen. */

/** Control characters, line separators, and marks that turn the direction of writing. */
const ACTING = '\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069';
const ACTS = new RegExp(`(?![\\n\\t])[${ACTING}]`, 'g');
/** And what takes no room. */
const UNSEEN = new RegExp(`[${ACTING}\\u00ad\\u061c\\u200b-\\u200f\\u2060-\\u206f\\ufeff]`, 'g');

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const unicodeOf = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

function escapeOf(character: string): string {
  const code = character.charCodeAt(0);
  return (
    NAMED[character] ?? (code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeOf(character))
  );
}

/** A text in which everything that would not be seen is: line breaks too. */
export const escapeUnseen = (text: string): string => text.replace(UNSEEN, escapeOf);

/** A text, perhaps of several lines, in which what would act on the reader's terminal is written as `\x1b`. */
export const visible = (text: string): string => text.replace(ACTS, escapeOf);

/** JSON, indented, of the same values whoever reads it, in which no character acts on a terminal. */
export const visibleJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(ACTS, unicodeOf);

/**
 * A file's name as it is, or where something in it would not be seen as a shell takes it, `$'two\nlines.png'`: what is
 * shown can be pasted, and no two names look the same.
 */
export function printable(name: string): string {
  if (name.search(UNSEEN) < 0 && !name.startsWith("$'")) return name;
  return `$'${name.replace(/[\\']/g, '\\$&').replace(UNSEEN, escapeOf)}'`;
}
