/** IDX files: every type, every fault, and the images and labels of a pair of them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readIdx } from '../../lib/data/idx.ts';
import { IdxDataset } from '../../lib/data/idx-dataset.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { GRAY } from '../../lib/data/transforms.ts';
import { FormatError } from '../../lib/errors.ts';

/** A file by the format's words: zero, zero, type, dimensions, sizes, values. */
function idx(type: number, shape: readonly number[], values: readonly number[]): Uint8Array {
  const sizes = shape.flatMap((size) => [
    (size >>> 24) & 255,
    (size >>> 16) & 255,
    (size >>> 8) & 255,
    size & 255,
  ]);
  return Uint8Array.from([0, 0, type, shape.length, ...sizes, ...values]);
}

const refused = (read: () => unknown, message: RegExp) =>
  assert.throws(read, (error: Error) => error instanceof FormatError && message.test(error.message));

test('every type, big-endian, from bytes that begin anywhere', () => {
  const cases = [
    [0x08, [255, 1], Uint8Array.of(255, 1)],
    [0x09, [255, 1], Int8Array.of(-1, 1)],
    [0x0b, [255, 254, 1, 2], Int16Array.of(-2, 258)],
    [0x0c, [255, 255, 255, 253, 0, 1, 0, 2], Int32Array.of(-3, 65538)],
    [0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0], Float32Array.of(1, -2.5)],
    [0x0e, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0], Float64Array.of(1, -2.5)],
  ] as const;
  for (const [type, values, data] of cases) {
    const file = Uint8Array.from([9, 9, 9, ...idx(type, [1, 2], values)]).subarray(3);
    assert.equal(readIdx(file), { shape: [1, 2], data });
  }
  assert.equal(readIdx(idx(8, [3, 0], [])), { shape: [3, 0], data: new Uint8Array(0) });
  assert.equal(readIdx(idx(8, [2 ** 32 - 1, 0, 2 ** 32 - 1], [])).data.length, 0);
});

test('a wrong beginning, too few or too many bytes, and sizes beyond all measure are refused', () => {
  const whole = idx(8, [2, 2], [1, 2, 3, 4]);
  refused(() => readIdx(Uint8Array.of(0x1f, 0x8b, 8, 0)), /packed by gzip; unpack it first/);
  refused(() => readIdx(Uint8Array.of(0x89, 0x50, 0x4e, 0x47)), /wants 0000, a type of 08, .*found 89504e47/);
  refused(() => readIdx(idx(0x0a, [1], [1])), /found 00000a01/);
  for (let length = 0; length < whole.length; length++) {
    refused(() => readIdx(whole.subarray(0, length)), new RegExp(`IDX: ${length} bytes, .* wants `));
  }
  refused(() => readIdx(Uint8Array.of(...whole, 5)), /17 bytes, \[2, 2\] wants 16/);
  refused(() => readIdx(idx(8, [2 ** 32 - 1, 2 ** 32 - 1, 5], [1])), /more than can be counted/);
  refused(() => readIdx(idx(8, Array(255).fill(2 ** 32 - 1), [1])), /more than can be counted/);
});

test('images and their labels, in the batches of a loader', async () => {
  const images = idx(8, [3, 1, 2], [0, 255, 10, 20, 30, 40]);
  const dataset = new IdxDataset(images, idx(8, [3], [7, 0, 9]));
  assert.equal([dataset.length, dataset.targetShape], [3, []]);
  const image = await dataset.image(1);
  assert.equal(image, { width: 2, height: 1, data: Uint8ClampedArray.of(10, 20) });
  assert.is(image.data.buffer.byteLength, 2, 'a worker would be sent all images with each');
  for (const workers of [0, 1]) {
    await using loader = new DataLoader(dataset, { normalization: GRAY, workers });
    const { value } = await loader.epoch(0).next();
    assert.equal(value?.shape, [3, 1, 1, 2]);
    assert.equal([...(value?.targets ?? [])], [7, 0, 9]);
    assert.ok(Math.abs((value?.inputs[1] ?? 0) - (1 - 0.449) / 0.226) < 1e-6);
  }
});

test('files that are no such pair are refused, and which', () => {
  const [images, labels] = [idx(8, [1, 1, 1], [5]), idx(8, [1], [5])];
  refused(
    () => new IdxDataset(labels, labels),
    /images: wants unsigned bytes of 3 dimensions, found Uint8Array \[1\]/,
  );
  refused(() => new IdxDataset(images, idx(9, [1], [5])), /labels: .*found Int8Array \[1\]/);
  refused(() => new IdxDataset(images.subarray(0, 9), labels), /images: IDX: 9 bytes/);
  refused(() => new IdxDataset(images, idx(8, [2], [5, 6])), /1 images and 2 labels/);
});

test.run();
