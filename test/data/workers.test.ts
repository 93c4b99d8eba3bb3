/** Worker threads: the same batches, the same errors, and no thread that outlives its program. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../lib/data/batch.ts';
import { encodePng, encodeRgbPng } from '../../lib/data/codecs/encode-png.ts';
import { createImage } from '../../lib/data/image.ts';
import type { ImageDataset } from '../../lib/data/image-dataset.ts';
import { DataLoader, type DataLoaderOptions } from '../../lib/data/loader.ts';
import { MemoryCache } from '../../lib/data/memory-cache.ts';
import * as transforms from '../../lib/data/transforms.ts';
import { WorkerPool } from '../../lib/data/worker-pool.ts';
import { FormatError, GradiographError, ShapeError } from '../../lib/errors.ts';
import { describeBroken, MuraDataset, type MuraOptions } from '../../lib/mura/dataset.ts';

// Held to the end, so that the tests share threads instead of starting their own.
const pools = await Promise.all([WorkerPool.acquire(1), WorkerPool.acquire(3)]);
test.after(async () => {
  for (const pool of pools) await pool.release();
});

const root = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(root, { recursive: true }));

const pathOf = (i: number) =>
  join(root, `train/XR_WRIST/patient${10 + i}/study1_${i % 2 ? 'positive' : 'negative'}/image1.png`);

test.before.each(() => {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
  for (let i = 0; i < 13; i++) {
    const image = createImage(30 + i, 40);
    image.data.forEach((_, p, data) => {
      data[p] = (p * (i + 3)) % 251;
    });
    mkdirSync(dirname(pathOf(i)), { recursive: true });
    writeFileSync(pathOf(i), encodePng(image));
  }
});

const prepare = transforms.resize([24, 20]);
const augment = transforms.compose([
  transforms.randomHorizontalFlip(),
  transforms.randomRotation(30),
  transforms.colorJitter({ contrast: 0.3 }),
]);
const options: DataLoaderOptions = { batchSize: 4, shuffle: true, seed: 9, augment };

async function openTrain(settings: MuraOptions = {}): Promise<MuraDataset> {
  return (await MuraDataset.open(root, { prepare, ...settings })).train;
}

/** The batches of epochs 0 and 1. */
async function twoEpochs(dataset: ImageDataset, settings: DataLoaderOptions): Promise<Batch[]> {
  await using loader = new DataLoader(dataset, settings);
  const batches: Batch[] = [];
  for (const epoch of [0, 1]) for await (const batch of loader.epoch(epoch)) batches.push(batch);
  return batches;
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('should have failed'),
    (error) => error,
  );
}

test('the batches are the same bits with 0, 1 and 3 workers, from memory, disk or neither', async () => {
  const expected = await twoEpochs(await openTrain(), options);
  assert.is(expected.length, 8);
  const cacheDir = join(root, 'cache');
  for (const settings of [{}, { cacheBytes: 0 }, { cacheBytes: 2000 }, { cacheDir }, { cacheDir }]) {
    for (const workers of [0, 1, 3]) {
      assert.equal(await twoEpochs(await openTrain(settings), { ...options, workers }), expected);
    }
  }
});

test('colours are the same bits with 0 and 3 workers, from memory, disk or neither', async () => {
  for (let i = 0; i < 13; i++) {
    const data = Uint8Array.from({ length: 3 * 30 * 40 }, (_, p) => (p * (i + 3)) % 251);
    writeFileSync(pathOf(i), encodeRgbPng({ width: 30, height: 40, data }));
  }
  const dataset = (bytes: number, cacheDir: string | null, decoded: 1 | 3 = 3): ImageDataset => {
    const files = { store: new MemoryCache(prepare, bytes, cacheDir, undefined, decoded), path: pathOf };
    return { length: 13, image: (i) => files.store.get(pathOf(i)), target: (i) => i % 2, files };
  };
  const cacheDir = join(root, 'cache');
  const expected = await twoEpochs(dataset(0, null), options);
  const [{ shape, inputs }] = expected;
  assert.equal(shape, [4, 3, 24, 20]);
  const gray = await twoEpochs(dataset(0, cacheDir, 1), options);
  assert.not.equal(gray[0].inputs, inputs, 'luminance is no colour');
  for (const [bytes, folder] of [
    [2 ** 20, null],
    [4000, null],
    [0, cacheDir],
    [0, cacheDir],
  ] as const) {
    for (const workers of [0, 3]) {
      assert.equal(await twoEpochs(dataset(bytes, folder), { ...options, workers }), expected);
    }
  }
  assert.equal(await twoEpochs(dataset(0, cacheDir, 1), { ...options, workers: 3 }), gray);
  const unreadable = await failure(
    twoEpochs(dataset(0, null), { ...options, workers: 3, normalization: transforms.GRAY }),
  );
  assert.match(unreadable.message, /an image of 3 channels, statistics of 1/);
});

test('workers keep what they read: the file is opened once', async () => {
  const dataset = await openTrain();
  const settings = { ...options, workers: 3 };
  const before = await twoEpochs(dataset, settings);
  rmSync(join(root, 'train'), { recursive: true });
  assert.equal(await twoEpochs(dataset, settings), before);
  const image = await dataset.image(0);
  assert.instance(image.data.buffer, SharedArrayBuffer);
  assert.equal([image.width, image.height], [20, 24]);
});

test('a cache that cannot be written is one warning, from however many threads, and the same bits', async () => {
  const expected = await twoEpochs(await openTrain(), options);
  const warnings: string[] = [];
  const listen = ({ message }: Error) => void warnings.push(message);
  process.on('warning', listen);
  const cacheDir = join(root, 'no-folder');
  writeFileSync(cacheDir, '');
  const dataset = await openTrain({ cacheDir });
  assert.equal(await twoEpochs(dataset, { ...options, workers: 3 }), expected);
  assert.equal((await dataset.check({ workers: 3 })).broken, []);
  process.off('warning', listen);
  assert.is(warnings.length, 1);
  assert.match(warnings[0], /^image cache: .*no-folder/);
});

test("a function of the user's own runs on the calling thread, to the same end", async () => {
  let calls = 0;
  const own: transforms.Transform = (image, random) => {
    calls++;
    return augment(image, random);
  };
  const expected = await twoEpochs(await openTrain(), options);
  assert.equal(await twoEpochs(await openTrain(), { ...options, augment: own, workers: 3 }), expected);
  assert.is(calls, 26);
  const dataset = await openTrain({ prepare: (image, random) => prepare(image, random) });
  assert.equal(await twoEpochs(dataset, { ...options, workers: 3 }), expected);
  const withoutFiles = {
    length: 13,
    image: (i: number) => dataset.image(i),
    target: (i: number) => i % 2,
  };
  assert.equal(await twoEpochs(withoutFiles, { ...options, workers: 3 }), expected);
});

test('an error in a worker arrives as it is on the calling thread', async () => {
  writeFileSync(pathOf(5), encodePng(createImage(9, 9)).subarray(0, 50));
  const dataset = await openTrain();
  const own: transforms.Transform = (image) => image;
  for (const settings of [options, { ...options, augment: own }]) {
    const [here, there] = await Promise.all(
      [0, 3].map((workers) => failure(twoEpochs(dataset, { ...settings, workers }))),
    );
    assert.instance(here, FormatError);
    assert.instance(there, FormatError);
    assert.is(there.message, here.message);
    assert.match(there.message, /patient15.*truncated PNG/);
  }
  const crop = { ...options, augment: transforms.randomCrop(100), workers: 1 };
  assert.instance(
    await failure(
      twoEpochs(
        dataset.filter(({ patient }) => patient !== 15),
        crop,
      ),
    ),
    ShapeError,
  );
});

test('check finds the same broken images with workers', async () => {
  writeFileSync(pathOf(2), '');
  writeFileSync(pathOf(5), encodePng(createImage(9, 9)).subarray(0, 50));
  const dataset = await openTrain({ cacheDir: join(root, 'cache') });
  const expected = await dataset.check();
  const counts: number[] = [];
  const found = await dataset.check({ workers: 3, onProgress: (done) => counts.push(done) });
  assert.equal(found.broken, expected.broken);
  assert.is(found.broken.length, 2);
  assert.equal(found.dataset.images, expected.dataset.images);
  assert.equal(
    counts,
    Array.from({ length: 13 }, (_, i) => i + 1),
  );
  const strict = await failure(dataset.check({ workers: 3, strict: true }));
  assert.instance(strict, FormatError);
  assert.is(strict.message, describeBroken(expected.broken));
});

test('batches are read a few ahead and no more', async () => {
  let asked = 0;
  const dataset: ImageDataset = {
    length: 1000,
    image: async () => {
      asked++;
      return createImage(4, 4);
    },
    target: () => 0,
  };
  for (const [workers, ahead] of [
    [0, 1],
    [3, 6],
  ]) {
    await using loader = new DataLoader(dataset, { batchSize: 5, workers });
    asked = 0;
    const epoch = loader.epoch(0);
    for (let batch = 1; batch <= 6; batch++) {
      await epoch.next();
      assert.is(asked, 5 * (batch + ahead));
    }
    await epoch.return();
  }
});

test('closing ends an epoch that is under way, and a loader can be used again', async () => {
  const settings = { ...options, batchSize: 1, workers: 2 };
  const loader = new DataLoader(await openTrain(), settings);
  const other = new DataLoader(await openTrain(), settings);
  const epoch = loader.epoch(0);
  await epoch.next();
  await other.epoch(0).next();
  await other.close();
  await epoch.next();
  await loader.close();
  const rest = async () => {
    for await (const { size } of epoch) assert.is(size, 1);
  };
  const error = await failure(rest());
  assert.instance(error, GradiographError);
  assert.match(error.message, /closed with jobs open/);
  assert.is((await loader.epoch(0).next()).value?.size, 1);
  await loader.close();
  await loader.close();
});

test('a worker that exits without an error ends the epoch with an error', async () => {
  const { postMessage } = Worker.prototype;
  let last: Worker | undefined;
  Worker.prototype.postMessage = function (...args) {
    last = this;
    return postMessage.apply(this, args);
  };
  try {
    await using loader = new DataLoader(await openTrain(), { ...options, batchSize: 1, workers: 2 });
    const epoch = loader.epoch(0);
    await epoch.next();
    last?.terminate(); // seen from here, an exit like another
    const rest = async () => {
      for await (const { size } of epoch) assert.is(size, 1);
    };
    const error = await failure(rest());
    assert.instance(error, GradiographError);
    assert.match(error.message, /data workers: one exited with code 1/);
  } finally {
    Worker.prototype.postMessage = postMessage;
  }
});

test('a program that finishes, closes, leaves early, throws, exits or is interrupted ends', () => {
  const program = fileURLToPath(new URL('worker-program.ts', import.meta.url));
  const ended = (how: string) => {
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', program, how],
      { timeout: 600_000, killSignal: 'SIGKILL', encoding: 'utf8' },
    );
    return { end: status ?? signal, stdout, stderr };
  };
  assert.equal(ended('finish'), { end: 0, stdout: 'finished\n', stderr: '' });
  assert.equal(ended('close'), { end: 0, stdout: 'closed\n', stderr: '' });
  assert.is(ended('break').end, 0);
  assert.match(ended('throw').stderr, /thrown on purpose/);
  assert.is(ended('exit').end, 3);
  assert.is(ended('interrupt').end, 'SIGINT');
});

test.run();
