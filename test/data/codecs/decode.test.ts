import jpeg from 'jpeg-js';
import { type PackerOptions, PNG } from 'pngjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../../lib/data/codecs/decode.ts';
import { encodePng, encodeRgbPng } from '../../../lib/data/codecs/encode-png.ts';
import { createImage } from '../../../lib/data/image.ts';
import { FormatError, ShapeError } from '../../../lib/errors.ts';

const gradient = createImage(13, 9);
gradient.data.forEach((_, i, data) => {
  data[i] = (i * 7) % 256;
});

/** A PNG file of RGBA pixels, packed as `options` say. */
function packPng(
  width: number,
  height: number,
  pixels: readonly number[],
  options: PackerOptions,
): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(pixels);
  return PNG.sync.write(png, options);
}

test('gray and RGB files of the same picture decode to the same', () => {
  for (const rgb of [false, true]) assert.equal(decodeImage(encodePng(gradient, { rgb })), gradient);
});

test('an RGB file holds its colours', () => {
  const data = Uint8Array.from({ length: 18 }, (_, i) => i * 14);
  const read = PNG.sync.read(Buffer.from(encodeRgbPng({ width: 3, height: 2, data })));
  assert.equal([read.width, read.height], [3, 2]);
  assert.equal([...read.data.filter((_, i) => i % 4 < 3)], [...data]);
  assert.throws(
    () => encodeRgbPng({ width: 3, height: 3, data }),
    (error: Error) => error instanceof ShapeError,
  );
});

test('colours become luminance, alpha is dropped', () => {
  const pixels = [255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 0, 10, 20, 30, 255];
  for (const colorType of [2, 6] as const) {
    const { data } = decodeImage(
      packPng(2, 2, pixels, { colorType, bgColor: { red: 0, green: 0, blue: 0 } }),
    );
    assert.equal([data[0], data[3]], [76, 18]);
    if (colorType === 6) assert.equal([data[1], data[2]], [150, 29]);
  }
});

test('16-bit gray is scaled to 8', () => {
  const png = new PNG({ width: 3, height: 1 });
  png.data = Buffer.from(new Uint16Array([0, 0x8080, 0xffff]).buffer);
  const file = PNG.sync.write(png, { bitDepth: 16, colorType: 0, inputColorType: 0, inputHasAlpha: false });
  assert.equal([...decodeImage(file).data], [0, 128, 255]);
});

test('palette files decode through their palette', () => {
  // 2x2 pixels of 2 bits, palette black, white, (10, 20, 30), red; written by Pillow
  const file = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAgMAAAAP2OW3AAAADFBMVEUAAAD///8KFB7/AADyfnFuAAAADElEQVR4nGMQYNgAAADkAMEnqOhXAAAAAElFTkSuQmCC',
    'base64',
  );
  assert.equal([...decodeImage(file).data], [0, 255, 18, 76]);
});

test('bytes behind the end of a file do not matter', () => {
  const photo = jpeg.encode({ width: 16, height: 16, data: Buffer.alloc(1024, 90) }, 90).data;
  for (const file of [encodePng(gradient), photo]) {
    assert.equal(decodeImage(Buffer.concat([file, Buffer.from('IEND and more')])), decodeImage(file));
  }
});

test('JPEG is told by its content, gray and colour', () => {
  const rgba = Buffer.alloc(16 * 16 * 4, 200);
  const { data, width, height } = decodeImage(
    jpeg.encode({ width: 16, height: 16, data: rgba }, 95).data,
    'x.png',
  );
  assert.equal([width, height], [16, 16]);
  assert.ok(data.every((value) => Math.abs(value - 200) <= 2));
});

test('a broken file is a FormatError that names it, wherever it was cut', () => {
  const png = encodePng(gradient);
  const photo = jpeg.encode({ width: 16, height: 16, data: Buffer.alloc(1024, 90) }, 90).data;
  for (const file of [png, photo]) {
    for (let length = 0; length < file.length; length++) {
      const cut = () => decodeImage(file.subarray(0, length), 'study1/image1.png');
      assert.throws(
        cut,
        (error: Error) => error instanceof FormatError && /^study1\/image1\.png: /.test(error.message),
      );
    }
  }
  assert.throws(() => decodeImage(Buffer.from('not a picture')), /neither PNG nor JPEG/);
  const flipped = Uint8Array.from(png);
  flipped[50] ^= 1;
  assert.throws(
    () => decodeImage(flipped, 'flipped'),
    (error: Error) => error instanceof FormatError,
  );
});

test.run();
