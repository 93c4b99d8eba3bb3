import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatCsv, parseCsv } from '../../lib/data/csv.ts';
import { FormatError } from '../../lib/errors.ts';

const parse = (text: string, encoding: BufferEncoding = 'utf8') => parseCsv(Buffer.from(text, encoding));

/** Line and cells of each row. */
const rowsOf = async (text: string) => (await parse(text)).map(({ line, cells }) => [line, ...cells]);

async function refused(bytes: Uint8Array, reason: RegExp): Promise<void> {
  const error = await parseCsv(bytes).then(
    () => null,
    (error: Error) => error,
  );
  assert.instance(error, FormatError);
  assert.match(error?.message ?? '', reason);
  assert.ok((error?.message.length ?? 0) < 200);
}

test('rows are told with their lines, whatever ends a line', async () => {
  assert.equal(await rowsOf('a,b\nc,d\n'), [
    [1, 'a', 'b'],
    [2, 'c', 'd'],
  ]);
  assert.equal(await rowsOf('a\r\n\r\n , \r\n"b, ""c""" , d\n"two\r\nlines"\re'), [
    [1, 'a'],
    [4, 'b, "c"', 'd'],
    [5, 'two\nlines'],
    [7, 'e'],
  ]);
  assert.equal(await rowsOf(''), []);
  assert.equal(await rowsOf('\n\n'), []);
});

test('UTF-8 and UTF-16 are told by their byte order mark', async () => {
  const text = '\ufeffknä/bild1.png,1\n';
  const expected = [{ line: 1, cells: ['knä/bild1.png', '1'] }];
  assert.equal(await parse(text), expected);
  assert.equal(await parse(text.slice(1)), expected);
  const little = Buffer.from(text, 'utf16le');
  assert.equal(await parseCsv(little), expected);
  assert.equal(await parseCsv(Buffer.from(little).swap16()), expected);
});

test('other encodings are refused, not read as something else', async () => {
  await refused(Buffer.from('a,b\n', 'utf16le'), /zero bytes: UTF-16 without a byte order mark/);
  await refused(Buffer.from('knä,1\n', 'latin1'), /not in UTF-8; save it as UTF-8/);
  await refused(Buffer.from('\ufeffa', 'utf16le').subarray(0, 3), /not in UTF-16LE/);
});

test('a quote that is not closed, or out of place, is named with the line where it begins', async () => {
  await refused(Buffer.from('a,b\nc,d\ne,"f\ng,h\n'), /^line 3: a quote is not closed/);
  await refused(Buffer.from('a,b\n"c"x,d\n"e",f\n'), /^line 2: a quote stands within a cell/);
  await refused(Buffer.from('"'), /^line 1: a quote is not closed/);
});

test('a line of any length is refused at once', async () => {
  for (const cell of ['x', 'x,', '"a', '""', '"a"b,']) {
    await refused(
      Buffer.from(`a,b\n${cell.repeat(4e6 / cell.length)}\n`),
      /^line 2 has 4000000 characters, 65536/,
    );
  }
  assert.is((await parse(`${'x'.repeat(65_536)}\n`)).length, 1);
});

test('a quote that swallows many lines is named, however long the file', async () => {
  const lines = 'xyz\n'.repeat(5e6);
  await refused(Buffer.from(`a,b\n"${lines}`), /^line 2: a quote is not closed/);
  await refused(Buffer.from(`a,b\n"${lines}",c\n`), /^line 2: a quote is not closed within 65536 characters/);
});

test('what is written is read back', async () => {
  const records = [
    { name: 'plain', value: 0.1 },
    { name: 'with, comma', value: null },
    { name: 'with "quotes"', value: Number.NaN },
    { name: 'two\nlines', value: 1e-7 },
  ];
  const text = await formatCsv(records);
  assert.is(text.split('\n')[1], 'plain,0.1');
  assert.equal(
    (await parse(text)).map(({ cells }) => cells),
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
