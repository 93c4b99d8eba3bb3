import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, type Sample, Subset, TensorDataset } from '../../lib/data/dataset.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import {
  GroupSampler,
  RandomSampler,
  SequentialSampler,
  WeightedRandomSampler,
} from '../../lib/data/samplers.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { ShapeError } from '../../lib/errors.ts';
import { tensor } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

test.before(() => setDevice(new ReferenceDevice()));
test.after(() => setDevice(null));

const batchesOf = async (loader: DataLoader, epoch = 0) => {
  const batches = [];
  for await (const batch of loader.epoch(epoch)) batches.push(batch);
  return batches;
};

test('tensors in memory are samples by their first axis, with targets of any shape', async () => {
  const x = tensor([1, 2, 3, 4, 5, 6], [3, 2]);
  const dataset = await TensorDataset.of(x, tensor([0, 2, 1], [3]));
  assert.equal([dataset.length, dataset.targetShape], [3, []]);
  const [first, last] = await batchesOf(new DataLoader(dataset, { batchSize: 2 }));
  const { x: inputs, y } = first.tensors();
  assert.equal(
    [inputs.shape, [...inputs.dataSync()]],
    [
      [2, 2],
      [1, 2, 3, 4],
    ],
  );
  assert.equal([y.shape, [...y.dataSync()]], [[2], [0, 2]]);
  assert.equal(last.indices, [2]);

  const masks = await TensorDataset.of(x, tensor(new Float32Array(12), [3, 1, 2, 2]));
  const [{ targetShape }] = await batchesOf(new DataLoader(masks, { weights: Float32Array.of(1, 2, 3) }));
  assert.equal(targetShape, [1, 2, 2]);
  const [weighted] = await batchesOf(new DataLoader(masks, { weights: Float32Array.of(1, 2, 3) }));
  assert.equal(weighted.tensors().weight?.shape, [3, 1, 1, 1]);
  assert.throws(
    () =>
      new TensorDataset(
        { shape: [2, 1], data: new Float32Array(2) },
        { shape: [3], data: new Float32Array(3) },
      ),
    /inputs \[2, 1\] and targets \[3\] want as many samples/,
  );
});

test('a subset keeps the order it is given', async () => {
  const dataset = await TensorDataset.of(tensor([10, 20, 30], [3, 1]), tensor([0, 1, 0], [3, 1]));
  const part = new Subset(dataset, [2, 0]);
  const [batch] = await batchesOf(new DataLoader(part));
  assert.equal([[...batch.inputs], [...batch.targets], batch.targetShape], [[30, 10], [0, 0], [1]]);
  assert.throws(() => new Subset(dataset, [3]), /no sample 3 among 3/);
});

test('samples of a class of its own, asynchronous, with a collate of its own', async () => {
  const words: Dataset = {
    length: 3,
    targetShape: [],
    get: async (i): Promise<Sample> => ({
      input: new Float32Array(i + 1).fill(i),
      shape: [i + 1],
      target: i,
    }),
  };
  const error = await batchesOf(new DataLoader(words)).then(
    () => null,
    (error) => error,
  );
  assert.instance(error, ShapeError);
  assert.match(error.message, /wants samples of one shape, got \[1\] and \[2\]/);
  const padded = new DataLoader(words, {
    collate: (samples) => {
      const data = new Float32Array(3 * samples.length);
      samples.forEach(({ input }, i) => {
        data.set(input, 3 * i);
      });
      return { shape: [samples.length, 3], data };
    },
  });
  const [batch] = await batchesOf(padded);
  assert.equal([...batch.inputs], [0, 0, 0, 1, 1, 0, 2, 2, 2]);
});

test('a target of another size than the data set says is refused', async () => {
  const odd: Dataset = { length: 1, get: () => ({ input: Float32Array.of(1), shape: [1], target: [1, 2] }) };
  const error = await batchesOf(new DataLoader(odd)).then(
    () => null,
    (error) => error,
  );
  assert.match(error.message, /a target has 2 values, the data set's targetShape \[1\] wants 1/);
});

test('samplers give the same order for the same seed and epoch, and another for another', () => {
  assert.equal(new SequentialSampler(3).order(), [0, 1, 2]);
  const random = new RandomSampler(50, { seed: 7 });
  assert.equal(random.order(3), new RandomSampler(50, { seed: 7 }).order(3));
  assert.not.equal(random.order(3), random.order(4));
  assert.equal(
    [...random.order(3)].sort((a, b) => a - b),
    new SequentialSampler(50).order(),
  );
});

test('weighted draws come in proportion to their weights', () => {
  const sampler = new WeightedRandomSampler([0, 1, 3], { length: 4000, seed: 2 });
  const counts = [0, 0, 0];
  for (const index of sampler.order(0)) counts[index]++;
  assert.is(counts[0], 0);
  // Five standard deviations of a binomial share.
  assert.ok(Math.abs(counts[2] / 4000 - 0.75) < 5 * Math.sqrt((0.75 * 0.25) / 4000), `${counts}`);
  assert.throws(() => new WeightedRandomSampler([1, -1]), /weight 1 is -1/);
  assert.throws(() => new WeightedRandomSampler([0, 0]), /no weight is above 0/);
});

test('a group comes as a whole, in an order that changes', () => {
  const groups = ['b', 'a', 'b', 'c', 'a'];
  const sampler = new GroupSampler(groups, { seed: 1 });
  const runs = (epoch: number) =>
    sampler
      .order(epoch)
      .map((i) => groups[i])
      .join('');
  for (let epoch = 0; epoch < 5; epoch++) assert.match(runs(epoch), /^(?=.*bb)(?=.*aa)(?=.*c).{5}$/);
  assert.ok(new Set([0, 1, 2, 3, 4].map(runs)).size > 1);
});

test('a loader says how long a sampler makes its epoch', async () => {
  const dataset = await TensorDataset.of(tensor([1, 2, 3], [3, 1]), tensor([0, 1, 0], [3, 1]));
  const sampler = new WeightedRandomSampler([1, 1, 1], { length: 10 });
  const loader = new DataLoader(dataset, { batchSize: 4, sampler });
  assert.equal([loader.length, loader.samples], [3, 10]);
  assert.equal(
    (await batchesOf(loader)).map(({ size }) => size),
    [4, 4, 2],
  );
  assert.throws(() => new DataLoader(dataset, { sampler, shuffle: true }), /leave shuffle out/);
});

test.run();
