/** Files that claim what they do not hold, or hold more than they claim. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../../lib/data/codecs/decode.ts';
import { FormatError } from '../../../lib/errors.ts';
import { MuraDataset } from '../../../lib/mura/dataset.ts';
import { pngChunk, pngFile } from '../../support/png-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(folder, { recursive: true }));

const { images } = JSON.parse(readFileSync(new URL('../../golden/images.json', import.meta.url), 'utf8'));
const jpeg = Buffer.from(images['jpeg, gray'].file, 'base64');
const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));

/** The JPEG with another size in its header. */
function claim(width: number, height: number): Buffer {
  const file = Buffer.from(jpeg);
  file.writeUInt16BE(height, frame + 5);
  file.writeUInt16BE(width, frame + 7);
  return file;
}

function refused(file: Uint8Array, reason: RegExp, options = {}): void {
  assert.throws(
    () => decodeImage(file, 'study1/image1.png', options),
    (error: Error) =>
      error instanceof FormatError &&
      error.message.startsWith('study1/image1.png: ') &&
      reason.test(error.message),
    String(reason),
  );
}

test('a PNG with too few pixels shows nothing in their place', () => {
  const short = pngFile({ width: 2000, height: 1 }, deflateSync(Uint8Array.of(0, 1)));
  assert.ok(short.length < 80);
  refused(short, /truncated PNG: less pixel data than the 2001 bytes/);
  for (const interlaced of [false, true]) {
    const raw = Buffer.alloc(4 * 5);
    const size = interlaced ? { width: 2, height: 5, interlaced } : { width: 4, height: 4 };
    const whole = interlaced ? 18 : 20;
    assert.ok(decodeImage(pngFile(size, deflateSync(raw.subarray(0, whole)))));
    for (let length = 0; length < whole; length++) {
      refused(pngFile(size, deflateSync(raw.subarray(0, length))), /truncated PNG: less pixel data/);
    }
    refused(pngFile(size, deflateSync(Buffer.alloc(whole + 1))), /broken PNG: more pixel data/);
  }
});

test('pixel data whose checksum is wrong or missing are refused', () => {
  const stream = deflateSync(Buffer.alloc(20));
  const size = { width: 4, height: 4 };
  assert.ok(decodeImage(pngFile(size, stream)));
  for (let i = 1; i <= 4; i++) {
    refused(pngFile(size, stream.subarray(0, -i)), /truncated PNG/);
    const wrong = Buffer.from(stream);
    wrong[stream.length - i] ^= 1;
    refused(pngFile(size, wrong), /broken PNG: its pixel data: incorrect data check/);
  }
});

test('headers that no image has are refused by what is wrong', () => {
  const stream = deflateSync(Buffer.alloc(20));
  const size = { width: 4, height: 4 };
  refused(pngFile({ width: 0, height: 4 }, stream), /its size is 0x4/);
  refused(pngFile({ ...size, depth: 3 }, stream), /no colour type 0 of 3 bits/);
  refused(pngFile({ ...size, colorType: 5 }, stream), /no colour type 5/);
  refused(pngFile({ ...size, colorType: 3 }, stream), /no PLTE/);
  const palette = pngChunk('PLTE', Buffer.alloc(3));
  refused(
    pngFile({ ...size, colorType: 3 }, deflateSync(Buffer.alloc(20, 1)), [palette]),
    /no colour 1 in its palette/,
  );
  refused(pngFile(size, deflateSync(Buffer.alloc(20, 9))), /filter 9/);
  refused(pngFile(size, stream, [pngChunk('WHAT', Buffer.alloc(2))]), /'WHAT', which is unknown/);
  refused(claim(0, 4), /its size is 0x4/);
  refused(claim(4, 0), /its size is 4x0/);
});

test('the limit on pixels is 100 million, and can be set', async () => {
  const wide = (width: number) => pngFile({ width, height: 10_000 }, deflateSync(Uint8Array.of(0)));
  refused(wide(10_001), /PNG of 10001x10000 pixels is over the limit of 100000000.*maxPixels/);
  refused(wide(10_000), /truncated PNG/);
  refused(claim(10_001, 10_000), /JPEG of 10001x10000 pixels is over the limit/);
  refused(jpeg, /JPEG of 37x29 pixels is over the limit of 1072/, { maxPixels: 37 * 29 - 1 });
  assert.ok(decodeImage(jpeg, 'x', { maxPixels: 37 * 29 }));

  const study = join(folder, 'train/XR_HAND/patient00001/study1_positive');
  mkdirSync(study, { recursive: true });
  writeFileSync(join(study, 'image1.png'), jpeg);
  const { train } = await MuraDataset.open(folder, { maxPixels: 1000 });
  const { broken } = await train.check();
  assert.match(broken[0].reason, /over the limit of 1000/);
  const { train: allowed } = await MuraDataset.open(folder);
  assert.equal((await allowed.check()).broken, []);
});

test('a JPEG cannot have more blocks than bits, a second frame, or scans without end', () => {
  refused(claim(9999, 9999), /truncated JPEG: 9999x9999 pixels want more than \d+ bytes/);
  const twice = Buffer.concat([jpeg.subarray(0, scan), jpeg.subarray(frame, scan), jpeg.subarray(scan)]);
  refused(twice, /a second frame/);
  const data = jpeg.subarray(scan, -2);
  refused(Buffer.concat([jpeg.subarray(0, -2), ...Array(100).fill(data), jpeg.subarray(-2)]), /101 scans/);
});

/** What a program of its own needs to decode a file, beside what it needs to start. */
function decodeApart(file: Uint8Array): { message: string; megabytes: number } {
  const path = join(folder, 'hostile');
  writeFileSync(path, file);
  const program = fileURLToPath(new URL('peak-memory.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, path], {
    encoding: 'utf8',
  });
  assert.is(stderr, '');
  return JSON.parse(stdout);
}

test('memory is in proportion to the pixels, whatever the file holds', () => {
  const claims = pngFile({ width: 20_000, height: 20_000 }, deflateSync(Uint8Array.of(0, 1)));
  const holds = pngFile({ width: 8, height: 8, interlaced: true }, deflateSync(Buffer.alloc(1e8)));
  for (const file of [claims, holds, claim(9999, 9999)]) {
    const { message, megabytes } = decodeApart(file);
    assert.match(message, /over the limit|more pixel data|want more than/);
    assert.ok(megabytes < 20, `${megabytes} MB`);
  }
  const largest = pngFile({ width: 10_000, height: 10_000, depth: 1 }, deflateSync(Buffer.alloc(1251e4)));
  const { message, megabytes } = decodeApart(largest);
  assert.is(message, '10000x10000');
  assert.ok(megabytes < 400, `${megabytes} MB for 100 million pixels`);
});

test.run();
