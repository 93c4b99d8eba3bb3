import { FormatError, quote } from '../errors.ts';
import { escapeUnseen } from '../printable.ts';

/** As serde_json, with which the reference implementation of safetensors reads; what walks the value may then recurse. */
const MAX_DEPTH = 128;

/**
 * The value of a JSON text.
 * @param reviver as JSON.parse has it
 * @throws FormatError for what is no JSON, nests deeper than 128, or has a key twice in one object, of which JSON.parse
 * silently keeps the last
 */
export function parseJson(text: string, reviver?: (key: string, value: unknown) => unknown): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`no JSON: ${escapeUnseen((error as Error).message)}`, { cause: error });
  }
  checkNesting(text);
  return reviver ? JSON.parse(text, reviver) : value;
}

/** Walks a valid JSON text. */
function checkNesting(text: string): void {
  /** The keys of each object that is open, and null for each list. */
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : null);
      if (open.length > MAX_DEPTH) throw new FormatError(`JSON that nests deeper than ${MAX_DEPTH}`);
    } else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
      let next = i + 1;
      while (' \t\n\r'.includes(text[next] ?? '?')) next++;
      if (text[next] !== ':') continue;
      const key: string = JSON.parse(text.slice(start, i + 1));
      const known = open.at(-1);
      if (known?.has(key)) throw new FormatError(`JSON that has the key ${quote(key)} twice in one object`);
      known?.add(key);
    }
  }
}
