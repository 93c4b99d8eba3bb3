import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createImage } from '../../lib/data/image.ts';
import type { ImageDataset } from '../../lib/data/image-dataset.ts';
import { DataLoader, type DataLoaderOptions } from '../../lib/data/loader.ts';
import { GRAY, randomRotation } from '../../lib/data/transforms.ts';
import { FormatError, ShapeError } from '../../lib/errors.ts';

/** Ten images of 3x4, each of one gray level, its number. */
const dataset: ImageDataset = {
  length: 10,
  async image(index) {
    const image = createImage(4, 3);
    image.data.fill(index);
    return image;
  },
  target: (index) => index % 2,
};

async function collect(loader: DataLoader, epoch = 0, start = 0) {
  const batches = [];
  for await (const batch of loader.epoch(epoch, start)) batches.push(batch);
  return batches;
}

test('batches in order, the last one short or dropped', async () => {
  const batches = await collect(new DataLoader(dataset, { batchSize: 4, normalization: GRAY }));
  assert.equal(
    batches.map(({ indices }) => indices),
    [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ],
  );
  assert.equal(batches[2].shape, [2, 1, 3, 4]);
  assert.equal([...batches[2].targets], [0, 1]);
  assert.ok(Math.abs(batches[2].inputs[12] - (9 / 255 - 0.449) / 0.226) < 1e-6);
  const dropping = new DataLoader(dataset, { batchSize: 4, dropLast: true });
  assert.is(dropping.length, 2);
  const kept = await collect(dropping);
  assert.is(kept.length, 2);
  assert.equal(kept[0].shape, [4, 3, 3, 4]);
});

test('shuffling and augmentation depend on seed and epoch alone', async () => {
  const options: DataLoaderOptions = {
    batchSize: 4,
    shuffle: true,
    seed: 5,
    augment: randomRotation(40),
    normalization: GRAY,
  };
  const [a, b] = [new DataLoader(dataset, options), new DataLoader(dataset, options)];
  const first = await collect(a, 1);
  await collect(b, 0);
  assert.equal(await collect(b, 1), first);
  assert.equal(await collect(b, 1, 2), first.slice(2), 'from any batch on');
  assert.equal(await collect(b, 1, 3), []);
  assert.not.equal(await collect(b, 2), first);
  assert.not.equal(await collect(new DataLoader(dataset, { ...options, seed: 6 }), 1), first);
  const seen = first.flatMap(({ indices }) => indices);
  assert.equal(
    seen.sort((x, y) => x - y),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test('a file that breaks later stops the epoch with its name; sizes must agree', async () => {
  const breaking: ImageDataset = {
    ...dataset,
    image: (index) =>
      index === 9 ? Promise.reject(new FormatError('nine.png: gone')) : dataset.image(index),
  };
  const message = (loader: DataLoader) =>
    collect(loader).then(
      () => 'no error',
      (error: Error) => error,
    );
  assert.instance(await message(new DataLoader(breaking, { batchSize: 4 })), FormatError);
  const mixed: ImageDataset = { ...dataset, image: async (index) => createImage(4 + index, 3) };
  assert.instance(await message(new DataLoader(mixed)), ShapeError);
  assert.throws(
    () => new DataLoader(dataset, { batchSize: 0 }),
    (error: Error) => error instanceof ShapeError,
  );
});

test('an empty data set has no batches', async () => {
  assert.equal(await collect(new DataLoader({ ...dataset, length: 0 })), []);
});

test.run();
