/** Files of every kind beside what Pillow sees in them (test/golden/record_images.py). */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../../lib/data/codecs/decode.ts';
import { FormatError } from '../../../lib/errors.ts';

interface Entry {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly gray: string;
}

const record: { images: Record<string, Entry>; cmyk: string } = JSON.parse(
  readFileSync(new URL('../../golden/images.json', import.meta.url), 'utf8'),
);
const bytes = (base64: string) => Buffer.from(base64, 'base64');
const entries = Object.entries(record.images);

/** What decoding gives less what Pillow gave, pixel by pixel. */
function differences(name: string, { file, width, height, gray }: Entry): number[] {
  const image = decodeImage(bytes(file), name);
  assert.equal([image.width, image.height], [width, height], name);
  return [...bytes(gray)].map((value, i) => image.data[i] - value);
}

test('PNG: all colour types, depths, filters and small sizes, interlaced or not, with transparency', () => {
  const pngs = entries.filter(([name]) => name.startsWith('png'));
  assert.is(pngs.length, 56);
  for (const [name, entry] of pngs) {
    assert.ok(
      differences(name, entry).every((difference) => difference === 0),
      name,
    );
  }
});

test('JPEG: gray, YCbCr at each subsampling, RGB, baseline and progressive, to the rounding of the transform', () => {
  const jpegs = entries.filter(([name]) => name.startsWith('jpeg'));
  assert.is(jpegs.length, 13);
  for (const [name, entry] of jpegs) {
    const errors = differences(name, entry).map(Math.abs);
    assert.ok(Math.max(...errors) <= 2, name);
    assert.ok(errors.reduce((a, b) => a + b) < 0.6 * errors.length, name);
  }
});

test('a kind of JPEG that is not decoded is refused by its name', () => {
  const gray = bytes(record.images['jpeg, gray'].file);
  const frame = gray.indexOf(Buffer.from([0xff, 0xc0]));
  const changed = (at: number, value: number) => Buffer.from(gray).fill(value, at, at + 1);
  const restarts = Buffer.from([0xff, 0xdd, 0, 4, 0, 3]); // every third of 5x4 blocks
  const cases: [file: Buffer, reason: RegExp][] = [
    [bytes(record.cmyk), /4 colour channels \(CMYK\)/],
    [changed(frame + 1, 0xc3), /lossless/],
    [changed(frame + 1, 0xc5), /hierarchical/],
    [changed(frame + 1, 0xc9), /arithmetically coded/],
    [changed(frame + 4, 12), /12 bits a sample/],
    [Buffer.concat([gray.subarray(0, frame), restarts, gray.subarray(frame)]), /every 3 blocks, of 5x4/],
  ];
  for (const [file, reason] of cases) {
    assert.throws(
      () => decodeImage(file, 'view.jpg'),
      (error: Error) =>
        error instanceof FormatError &&
        /^view\.jpg: a JPEG of a kind that is not decoded/.test(error.message) &&
        reason.test(error.message),
      String(reason),
    );
  }
});

test.run();
