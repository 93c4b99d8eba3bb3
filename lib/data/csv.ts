/** Tables as text: rows of comma-separated cells (RFC 4180), parsed and written by fast-csv. */
import { parseString, writeToString } from 'fast-csv';
import { FormatError } from '../errors.ts';

/** Characters in a line. Longer ones are no tables, and cells that a message would quote. */
const MAX_LINE = 65_536;

/** A row of a table. */
export interface CsvRow {
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** Without the space around them. */
  readonly cells: readonly string[];
}

/**
 * The rows of a file in UTF-8, or in UTF-16 with a byte order mark; empty ones are left out.
 * @throws FormatError naming the line of a quote that is not closed or not where a cell begins or ends, or of a line
 *   beyond 65,536 characters; or for text in another encoding
 */
export async function parseCsv(bytes: Uint8Array): Promise<CsvRow[]> {
  const text = decodeText(bytes).replace(/\r\n?/g, '\n');
  checkLines(text);
  checkQuotes(text);
  const rows: CsvRow[] = [];
  let line = 1;
  for await (const row of parseString<string[], string[]>(text)) {
    const cells = (row as string[]).map((cell) => cell.trim());
    if (cells.some((cell) => cell !== '')) rows.push({ line, cells });
    line += (row as string[]).reduce((sum, cell) => sum + countBreaks(cell), 1);
  }
  return rows;
}

/** A header of the first record's names, and a line for each record. */
export const formatCsv = (records: readonly object[]): Promise<string> =>
  writeToString([...records], { headers: true, includeEndRowDelimiter: true });

function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch (cause) {
    throw new FormatError(`not in ${encoding.toUpperCase()}; save it as UTF-8`, { cause });
  }
  throw new FormatError('holds zero bytes: UTF-16 without a byte order mark? Save it as UTF-8');
}

function checkLines(text: string): void {
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    if (end - start > MAX_LINE) {
      throw new FormatError(`line ${line} has ${end - start} characters, ${MAX_LINE} at most are taken`);
    }
    start = end + 1;
  }
}

/** Quotes stand around whole cells, spaces beside them allowed, and are doubled within. */
function checkQuotes(text: string): void {
  const fail = (at: number, fault: string) => {
    throw new FormatError(`line ${1 + countBreaks(text.slice(0, at))}: ${fault}`);
  };
  for (let open = text.indexOf('"'); open >= 0; ) {
    let close = text.indexOf('"', open + 1);
    while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
    if (close < 0 || close - open > MAX_LINE) {
      fail(open, `a quote is not closed${close < 0 ? '' : ` within ${MAX_LINE} characters`}`);
    }
    let before = open - 1;
    while (isSpace(text[before])) before--;
    let after = close + 1;
    while (isSpace(text[after])) after++;
    if (!isEdge(text[before]) || !isEdge(text[after])) fail(open, 'a quote stands within a cell');
    open = text.indexOf('"', after);
  }
}

const isSpace = (character: string | undefined): boolean => character === ' ' || character === '\t';

/** Whether a cell begins or ends here: at a comma, a line break, or either end of the text. */
const isEdge = (character: string | undefined): boolean =>
  character === undefined || character === ',' || character === '\n';

function countBreaks(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
