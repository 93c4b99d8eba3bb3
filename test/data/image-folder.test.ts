/** ImageFolder as torchvision has it: classes by name, files in its order, colours, and what is refused. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeRgbPng } from '../../lib/data/codecs/encode-png.ts';
import { ImageFolder, type ImageFolderOptions } from '../../lib/data/image-folder.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { GRAY, resize } from '../../lib/data/transforms.ts';
import { ArgumentError, FormatError } from '../../lib/errors.ts';
import { skipped } from '../support/skipped.ts';

const root = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(root, { recursive: true }));

/** A file of 2x1 pixels of one colour. */
function put(name: string, color: readonly number[] = [200, 100, 50]): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(
    join(root, name),
    encodeRgbPng({ width: 2, height: 1, data: Uint8Array.from([...color, ...color]) }),
  );
}

test.before.each(() => {
  rmSync(root, { recursive: true });
  put('dog/b.png', [0, 0, 250]);
  put('dog/a/z.PNG', [0, 250, 0]);
  put('dog/a.png', [10, 20, 30]);
  put('cat/x.png');
  put('Bird/1.png');
  put('Bird/10.png');
  put('Bird/2.png');
});

const prepare = resize([2, 2]);
const open = (options: ImageFolderOptions = {}) => ImageFolder.open(root, { prepare, ...options });
const names = ({ images }: ImageFolder) => images.map(({ path }) => path.slice(root.length + 1));

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('should have failed'),
    (error) => error,
  );
}

test('a class for each folder, by name, and its index as target', async () => {
  const dataset = await open();
  assert.equal(dataset.classes, ['Bird', 'cat', 'dog']);
  assert.equal([dataset.length, dataset.targetShape], [7, []]);
  assert.equal(
    dataset.images.map((_, i) => dataset.target(i)),
    [0, 0, 0, 1, 2, 2, 2],
  );
});

test('files come in the order of torchvision', async () => {
  const program =
    'import sys; from torchvision.datasets import ImageFolder; [print(p, t) for p, t in ImageFolder(sys.argv[1]).samples]';
  const runs = ['python3', '/usr/bin/python3'].map((name) =>
    spawnSync(name, ['-c', program, root], { encoding: 'utf8' }),
  );
  const ran = runs.find(({ status }) => status === 0);
  if (!ran) {
    return skipped(
      'order of torchvision',
      'no python3 here imports torchvision: apt-get install python3-torchvision',
    );
  }
  const { images } = await open();
  assert.is(images.map(({ path, target }) => `${path} ${target}\n`).join(''), ran.stdout);
});

test('images have three channels, or one, with the same bits by worker threads', async () => {
  const batchOf = async (options: ImageFolderOptions, workers: number) => {
    const normalization = options.channels === 1 ? GRAY : { mean: [0, 0, 0], std: [1, 1, 1] };
    await using loader = new DataLoader(await open(options), { batchSize: 7, workers, normalization });
    const { value } = await loader.epoch(0).next();
    assert.ok(value);
    return value;
  };
  const batch = await batchOf({}, 0);
  assert.equal([batch.shape, batch.targetShape], [[7, 3, 2, 2], []]);
  assert.equal([...batch.targets], [0, 0, 0, 1, 2, 2, 2]);
  const [red, green, blue] = [0, 4, 8].map((at) => Math.round(255 * batch.inputs[4 * 12 + at]));
  assert.equal([red, green, blue], [10, 20, 30]);
  const gray = await batchOf({ channels: 1 }, 0);
  assert.equal(gray.shape, [7, 1, 2, 2]);
  for (const settings of [
    {},
    { cacheBytes: 0 },
    { cacheDir: join(root, '.cache') },
    { cacheDir: join(root, '.cache') },
  ]) {
    assert.equal(await batchOf(settings, 2), batch);
    assert.equal(await batchOf({ ...settings, channels: 1 }, 2), gray);
  }
});

test('what is hidden or no image is left out, links are followed, and end', async () => {
  const before = await open();
  put('.git/x.png');
  put('dog/._b.png');
  put('dog/.thumbs/b.png');
  writeFileSync(join(root, 'dog/notes.txt'), '');
  writeFileSync(join(root, 'labels.csv'), '');
  assert.equal(names(await open()), names(before));
  symlinkSync(join(root, 'dog'), join(root, 'dog/a/again'));
  symlinkSync(join(root, 'cat'), join(root, 'puma'));
  const linked = await open();
  assert.equal(linked.classes, ['Bird', 'cat', 'dog', 'puma']);
  assert.equal(names(linked), [...names(before), 'puma/x.png']);
});

test('folders without images, and images that are not decoded, are named', async () => {
  mkdirSync(join(root, 'eel'));
  put('fox/.hidden.png');
  const empty = await failure(open());
  assert.instance(empty, FormatError);
  assert.match(empty.message, `${root}: no image in the class folders eel, fox`);
  put('eel/1.webp');
  put('fox/1.png');
  assert.match((await failure(open())).message, /eel\/1\.webp: only PNG and JPEG are decoded/);
  assert.match((await failure(ImageFolder.open(join(root, 'cat')))).message, /cat: no folder of a class/);
  const missing = await failure(ImageFolder.open(join(root, 'none')));
  assert.instance(missing, FormatError);
  assert.match(missing.message, /none: cannot be read \(ENOENT/);
  const two = await failure(open({ channels: 2 } as never));
  assert.instance(two, ArgumentError);
  assert.match(two.message, /channels must be 1 or 3, got 2/);
  const odd = await failure(open({ channel: 1 } as never));
  assert.instance(odd, ArgumentError);
  assert.match(odd.message, /no option 'channel'; did you mean channels/);
});

test('a broken or a vast file is named when it is read', async () => {
  writeFileSync(join(root, 'cat/x.png'), 'no image');
  const dataset = await open({ maxPixels: 1 });
  assert.match((await failure(dataset.image(3))).message, /cat\/x\.png: neither PNG nor JPEG/);
  assert.match(
    (await failure(dataset.image(0))).message,
    /Bird\/1\.png: a PNG of 2x1 pixels is over the limit of 1/,
  );
});

test.run();
