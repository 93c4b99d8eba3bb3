import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeImage } from '../../lib/data/codecs/decode.ts';
import { encodePng, encodeRgbPng } from '../../lib/data/codecs/encode-png.ts';
import { DiskCache } from '../../lib/data/disk-cache.ts';
import { createImage, type GrayImage } from '../../lib/data/image.ts';
import { ImageReader } from '../../lib/data/image-reader.ts';
import { MemoryCache } from '../../lib/data/memory-cache.ts';
import { compose, resize, type Transform } from '../../lib/data/transforms.ts';
import { FormatError, GradiographError } from '../../lib/errors.ts';
import { skipped } from '../support/skipped.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(folder, { recursive: true }));

const source = join(folder, 'image.png');
const cacheDir = join(folder, 'cache');
const prepare = resize([4, 5]);

/** An image of one gray level. */
function level(value: number): GrayImage {
  const image = createImage(10, 8);
  image.data.fill(value);
  return image;
}

/** Writes the source as of a second of 1970, which is what the cache looks at beside its size. */
function putSource(value: number, second: number): void {
  writeFileSync(source, encodePng(level(value)));
  utimesSync(source, second, second);
}

/** The first pixel of the source as a run reads it, and whether the run decoded it. */
async function read(transform = prepare): Promise<[value: number, decoded: boolean]> {
  const { description } = transform;
  assert.ok(description);
  let decoded = false;
  const watch: Transform = (image, random) => {
    decoded = true;
    return transform(image, random);
  };
  const image = await new ImageReader(watch, new DiskCache(cacheDir, description)).read(source);
  assert.is(image.data.length, image.width * image.height);
  return [image.data[0], decoded];
}

const entries = () =>
  readdirSync(cacheDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(cacheDir, name))
    .filter((path) => statSync(path).isFile());

test.before.each(() => {
  rmSync(cacheDir, { recursive: true, force: true });
  putSource(40, 1000);
});

test('what was prepared once is not decoded again', async () => {
  assert.equal(await read(), [40, true]);
  assert.equal(await read(), [40, false]);
  const cache = new DiskCache(cacheDir, prepare.description as never);
  const image = await cache.read(source, statSync(source, { bigint: true }));
  assert.equal(image, prepare(level(40), undefined as never));
  assert.is(entries().length, 1);
});

test('a source of another time or size is read anew, and its entry replaced', async () => {
  await read();
  putSource(90, 1001);
  assert.equal(await read(), [90, true]);
  assert.equal(await read(), [90, false]);
  const { size } = statSync(source);
  writeFileSync(source, encodePng(level(120), { rgb: true }));
  utimesSync(source, 1001, 1001);
  assert.is.not(statSync(source).size, size);
  assert.equal(await read(), [120, true]);
  assert.is(entries().length, 1);
});

test('another preparation has entries of its own', async () => {
  await read();
  assert.equal(await read(resize([4, 5], { fit: 'pad' })), [40, true]);
  assert.equal(await read(compose([prepare])), [40, true]);
  assert.equal(await read(), [40, false]);
});

test('an entry that is cut off, changed or not ours is never trusted', async () => {
  await read();
  const [entry] = entries();
  const whole = readFileSync(entry);
  const faults = [
    ...Array.from(whole.keys(), (length) => whole.subarray(0, length)),
    ...Array.from(whole.keys(), (at) => whole.map((byte, i) => (i === at ? byte ^ 1 : byte))),
    Buffer.concat([whole, Buffer.alloc(1)]),
    encodePng(level(7)),
  ];
  for (const fault of faults) {
    writeFileSync(entry, fault);
    assert.equal(await read(), [40, true]);
    assert.equal(readFileSync(entry), whole);
  }
});

test('an entry of another file under the name of this one is not taken for it', async () => {
  const other = join(folder, 'other.png');
  writeFileSync(other, encodePng(level(200)));
  utimesSync(other, 1000, 1000);
  await read();
  const [entry] = entries();
  const before = readFileSync(entry);
  const reader = new ImageReader(prepare, new DiskCache(cacheDir, prepare.description as never));
  await reader.read(other);
  const [foreign] = entries().filter((path) => path !== entry);
  writeFileSync(entry, readFileSync(foreign));
  assert.equal(await read(), [40, true]);
  assert.equal(readFileSync(entry), before);
});

test('runs that share the folder write whole entries and leave nothing else', async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => read()));
  assert.ok(results.every(([value]) => value === 40));
  assert.is(entries().length, 1);
  assert.equal(await read(), [40, false]);
});

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('should have failed'),
    (error) => error,
  );
}

test('a missing source is an error', async () => {
  rmSync(source);
  const missing = await failure(read());
  assert.instance(missing, FormatError);
  assert.match(missing.message, /image\.png: cannot be read \(ENOENT\)/);
});

test('a folder that cannot be used is worth one warning: the images are there without it', async () => {
  const warnings: string[] = [];
  const listen = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`);
  process.on('warning', listen);
  writeFileSync(cacheDir, 'a file where the folder should be');
  for (let i = 0; i < 3; i++) assert.equal(await read(), [40, true]);
  await setImmediate(); // warnings are told after the work at hand
  process.off('warning', listen);
  assert.is(warnings.length, 1);
  assert.match(
    warnings[0],
    /GradiographWarning: image cache: .*cache.* cannot be (read|written) \(ENOTDIR\); images are decoded each time/,
  );
});

test('entries and their folders are for their owner alone', async () => {
  const umask = process.umask(0);
  try {
    await read();
  } finally {
    process.umask(umask);
  }
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  const [entry] = entries();
  assert.equal([entry, dirname(entry), cacheDir].map(modeOf), ['600', '700', '700']);
});

test('an entry whose size and pixels disagree is made anew', async () => {
  const cache = new DiskCache(cacheDir, prepare.description as never);
  const stamp = statSync(source, { bigint: true });
  const { data } = createImage(5, 4);
  const sizes = [
    [5, 5],
    [4, 4],
    [0, 0],
    [2 ** 32 - 1, 2 ** 32 - 1],
  ];
  for (const [width, height] of sizes) {
    await cache.write(source, stamp, { width, height, data });
    assert.equal(await read(), [40, true]);
    assert.equal(await read(), [40, false]);
  }
  await cache.write(source, stamp, createImage(0, 0));
  assert.equal(await read(), [40, true]);
  await cache.write(source, stamp, { width: 5, height: 4, channels: 3, data });
  assert.equal(await read(), [40, true]);
  const colors = new Uint8ClampedArray(60);
  await cache.write(source, stamp, { width: 5, height: 4, channels: 3, data: colors });
  assert.equal(await read(), [40, true], 'colours where gray is asked for');
  await cache.write(source, stamp, { width: 15, height: 4, data: colors });
  assert.equal(await read(), [0, false]);
});

test('no entry is believed that another user could have put there', async () => {
  const uid = process.getuid?.();
  if (uid === undefined) return skipped('image cache', 'this system has no owners of files');
  /** An entry as anyone can make it for this source, and the folder as `change` leaves it. */
  const forge = async (change: (folder: string) => void) => {
    rmSync(cacheDir, { recursive: true, force: true });
    const cache = new DiskCache(cacheDir, prepare.description as never);
    await cache.write(source, statSync(source, { bigint: true }), level(7));
    change(cacheDir);
    const error = await failure(read());
    assert.instance(error, GradiographError);
    assert.not.instance(error, FormatError);
    return error.message;
  };
  assert.match(await forge((folder) => chmodSync(folder, 0o777)), /can be written by others/);
  assert.match(await forge((folder) => chmodSync(folder, 0o720)), /can be written by others/);
  const { getuid } = process;
  const stranger = uid + 12_345;
  // Only root can give a file away; for anyone else we become the stranger.
  const giveAway = (path: string, change = chownSync) => {
    if (uid === 0) change(path, stranger, stranger);
    else process.getuid = () => stranger;
  };
  try {
    assert.match(await forge((folder) => giveAway(folder)), /belongs to user \d+/);
    process.getuid = getuid;
    const foreignLink = (folder: string) => {
      renameSync(folder, `${folder}-of-ours`);
      symlinkSync(`${folder}-of-ours`, folder);
      giveAway(folder, lchownSync);
    };
    assert.match(await forge(foreignLink), /belongs to user \d+/);
  } finally {
    process.getuid = getuid;
  }
});

test('an image in gray and in colours has an entry of each, and each is what its decoding gave', async () => {
  const data = Uint8Array.from({ length: 3 * 80 }, (_, i) => (i * 7) % 256);
  writeFileSync(source, encodeRgbPng({ width: 10, height: 8, data }));
  const read = (channels: 1 | 3, prepare: Transform) => {
    const cache = new MemoryCache(prepare, 0, cacheDir, undefined, channels);
    return cache.get(source);
  };
  const [gray, color] = [await read(1, prepare), await read(3, prepare)];
  assert.equal([gray.channels, gray.data.length], [undefined, 20]);
  assert.equal([color.channels, color.data.length], [3, 60]);
  assert.is(entries().length, 2);
  assert.equal(await read(1, prepare), gray);
  assert.equal(await read(3, prepare), color);
  const decoded = decodeImage(readFileSync(source), 'source', { channels: 3 });
  assert.equal(color, prepare(decoded, undefined as never));
  const refuse = (): never => {
    throw new Error('decoded again');
  };
  const untouched: Transform = Object.assign(refuse, { description: prepare.description });
  assert.equal(await read(1, untouched), gray);
  assert.equal(await read(3, untouched), color);
});

test("a function of the user's own cannot be cached on disk", () => {
  const own: Transform = (image) => image;
  assert.throws(() => new MemoryCache(own, 0, cacheDir), /cacheDir: .*function of your own/);
  assert.ok(new MemoryCache(own, 0, null));
});

test.run();
