import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatCsv, parseCsv } from '../../lib/data/csv.ts';
import { FormatError } from '../../lib/errors.ts';

const parse = (text: string, encoding: BufferEncoding = 'utf8') => parseCsv(Buffer.from(text, encoding));

/** Line and cells of each row. */
const rowsOf = (text: string) => parse(text).map(({ line, cells }) => [line, ...cells]);

function refused(bytes: Uint8Array, reason: RegExp): void {
  assert.throws(
    () => parseCsv(bytes),
    (error: Error) =>
      error instanceof FormatError && reason.test(error.message) && error.message.length < 200,
    String(reason),
  );
}

test('rows are told with their lines, whatever ends a line', () => {
  assert.equal(rowsOf('a,b\nc,d\n'), [
    [1, 'a', 'b'],
    [2, 'c', 'd'],
  ]);
  assert.equal(rowsOf('a\r\n\r\n , \r\n"b, ""c""" , d\n"two\r\nlines"\re'), [
    [1, 'a'],
    [4, 'b, "c"', 'd'],
    [5, 'two\nlines'],
    [7, 'e'],
  ]);
  assert.equal(rowsOf(''), []);
  assert.equal(rowsOf('\n\n'), []);
});

test('UTF-8 and UTF-16 are told by their byte order mark', () => {
  const text = '\ufeffknä/bild1.png,1\n';
  const expected = [{ line: 1, cells: ['knä/bild1.png', '1'] }];
  assert.equal(parse(text), expected);
  assert.equal(parse(text.slice(1)), expected);
  const little = Buffer.from(text, 'utf16le');
  assert.equal(parseCsv(little), expected);
  assert.equal(parseCsv(Buffer.from(little).swap16()), expected);
});

test('other encodings are refused, not read as something else', () => {
  refused(Buffer.from('a,b\n', 'utf16le'), /zero bytes: UTF-16 without a byte order mark/);
  refused(Buffer.from('knä,1\n', 'latin1'), /not in UTF-8; save it as UTF-8/);
  refused(Buffer.from('\ufeffa', 'utf16le').subarray(0, 3), /not in UTF-16LE/);
});

test('a quote that is not closed, or out of place, is named with the line where it begins', () => {
  refused(Buffer.from('a,b\nc,d\ne,"f\ng,h\n'), /^line 3: a quote is not closed/);
  refused(Buffer.from('a,b\n"c"x,d\n"e",f\n'), /^line 2: a quote stands within a cell/);
  refused(Buffer.from('"'), /^line 1: a quote is not closed/);
});

test('a line of any length is refused at once', () => {
  for (const cell of ['x', 'x,', '"a', '""', '"a"b,']) {
    refused(Buffer.from(`a,b\n${cell.repeat(4e6 / cell.length)}\n`), /^line 2 has 4000000 characters, 65536/);
  }
  assert.is(parse(`${'x'.repeat(65_536)}\n`).length, 1);
});

test('what is written is read back', () => {
  const records = [
    { name: 'plain', value: 0.1 },
    { name: 'with, comma', value: null },
    { name: 'with "quotes"', value: Number.NaN },
    { name: 'two\nlines', value: 1e-7 },
  ];
  const text = formatCsv(records);
  assert.is(text.split('\n')[1], 'plain,0.1');
  assert.equal(
    parse(text).map(({ cells }) => cells),
    [
      ['name', 'value'],
      ['plain', '0.1'],
      ['with, comma', ''],
      ['with "quotes"', 'NaN'],
      ['two\nlines', '1e-7'],
    ],
  );
});

test.run();
