/** What `fit` and `evaluate` do with targets other than one logit's. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TensorDataset } from '../../lib/data/dataset.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { F, nn, optim, seed, type Tensor } from '../../lib/index.ts';
import { Generator } from '../../lib/tensor/random.ts';
import type { Callback } from '../../lib/train/callback.ts';
import { evaluate, predict } from '../../lib/train/evaluate.ts';
import { fit } from '../../lib/train/fit.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { assertRejects } from './toy.ts';

const test = suite('objectives');
test.before(() => setDevice(new ReferenceDevice()));
test.after(() => setDevice(null));

/** Points `[N, 2]` around three corners; the target is computed from the corner and the point. */
function points(
  count: number,
  targetShape: readonly number[],
  targetOf: (corner: number, x: number, y: number) => number[],
) {
  const random = new Generator(3);
  const [inputs, targets]: [number[], number[]] = [[], []];
  for (let i = 0; i < count; i++) {
    const corner = i % 3;
    const [dx, dy] = random.uniform(2, -0.5, 0.5);
    const [x, y] = [(corner === 1 ? 2 : 0) + dx, (corner === 2 ? 2 : 0) + dy];
    inputs.push(x, y);
    targets.push(...targetOf(corner, x, y));
  }
  return new TensorDataset(
    { shape: [count, 2], data: Float32Array.from(inputs) },
    { shape: [count, ...targetShape], data: Float32Array.from(targets) },
  );
}

function linear(outputs: number): nn.Module {
  seed(1);
  return new nn.Linear(2, outputs);
}

const adam = (model: nn.Module) => new optim.Adam(model.parameters(), { lr: 0.1 });

test('class indices: cross-entropy, accuracy and macro AUROC, without being asked', async () => {
  const loader = new DataLoader(
    points(60, [], (corner) => [corner]),
    { batchSize: 20, shuffle: true },
  );
  const model = linear(3);
  const { history } = await fit(model, loader, { optimizer: adam(model), epochs: 20, progress: null });
  const { train } = history[19];
  assert.equal(Object.keys(train), ['loss', 'accuracy', 'macroAuroc']);
  assert.ok(train.loss < history[0].train.loss && train.accuracy > 0.95, JSON.stringify(train));
  const { scores, labels, metrics } = await evaluate(model, new DataLoader(points(60, [], (c) => [c])));
  assert.equal([scores.length, labels.length], [180, 60]);
  assert.ok(Math.abs(scores[0] + scores[1] + scores[2] - 1) < 1e-6, 'probabilities of a sample add up to 1');
  assert.ok(metrics.macroAuroc > 0.99);
});

test('several labels, regression: any loss, with metrics of its own or none', async () => {
  const labels = points(60, [2], (corner, x) => [Number(corner > 0), Number(x > 1)]);
  const model = linear(2);
  const loss = (output: Tensor, target: Tensor) => F.binaryCrossEntropyWithLogits(output, target);
  const { history } = await fit(model, new DataLoader(labels, { shuffle: true }), {
    optimizer: adam(model),
    epochs: 15,
    loss,
    metrics: (outputs, targets, samples) => {
      const right = Array.from(outputs).filter((z, i) => Number(z > 0) === targets[i]).length;
      return { labelAccuracy: right / (2 * samples) };
    },
    progress: null,
  });
  assert.ok(history[14].train.labelAccuracy > 0.9, JSON.stringify(history[14].train));

  const sums = points(60, [1], (_corner, x, y) => [x + 2 * y]);
  const regressor = linear(1);
  const done = await fit(regressor, new DataLoader(sums, { batchSize: 60 }), {
    optimizer: adam(regressor),
    epochs: 200,
    loss: (output, target) => F.mseLoss(output, target),
    progress: null,
  });
  assert.equal(Object.keys(done.history[0].train), ['loss']);
  assert.ok(done.history[199].train.loss < 1e-3, `${done.history[199].train.loss}`);
  const outputs = await predict(regressor, new DataLoader(sums, { batchSize: 7 }));
  assert.equal(outputs.shape, [60, 1]);
  const { input, target } = sums.get(5);
  assert.ok(Math.abs(outputs.data[5] - (target as Float32Array)[0]) < 0.2, `of ${input}`);
});

test('targets without a default loss, and outputs that the loss cannot take, are refused', async () => {
  const many = new DataLoader(points(6, [2], () => [0, 1]));
  const options = { epochs: 1, progress: null };
  const two = linear(2);
  await assertRejects(
    (async () => fit(two, many, { ...options, optimizer: adam(two) }))(),
    /targets of shape \[2\] have no default loss; pass \{ loss/,
  );
  const classes = new DataLoader(points(6, [], (c) => [c]));
  await assertRejects(
    fit(two, classes, { ...options, optimizer: adam(two), mixup: 1 }),
    /mixup: wants one target of 0 to 1 a sample, \[1\], got targets of \[\]/,
  );
  const flat = new nn.Sequential(new nn.Linear(2, 3), new nn.Flatten(0));
  await assertRejects(
    fit(flat, classes, { ...options, optimizer: adam(flat) }),
    /gives \[18\], wants a logit for each class, \[6, classes\]/,
  );
});

test('callbacks are told in order, and awaited', async () => {
  const told: string[] = [];
  const note = async (event: string) => {
    await Promise.resolve();
    told.push(event);
  };
  const callback: Callback = {
    onEpochBegin: (epoch) => note(`begin ${epoch}`),
    onBatchEnd: ({ epoch, batch, batches }) => note(`batch ${batch}/${batches} of ${epoch}`),
    onValidationEnd: ({ metrics }, epoch) => note(`validated ${epoch} ${Object.keys(metrics)}`),
    onEpochEnd: ({ history }) => note(`end ${history.length}`),
    onSave: ({ history }) => note(`saved ${history.length}`),
  };
  const model = linear(1);
  const loader = new DataLoader(
    points(6, [1], (corner) => [Number(corner > 0)]),
    { batchSize: 3 },
  );
  await fit(model, loader, {
    optimizer: adam(model),
    epochs: 1,
    validation: loader,
    callbacks: [callback],
    checkpoint: { sink: { name: 'nowhere', write: async () => {} } },
    progress: null,
  });
  assert.equal(told, [
    'begin 1',
    'batch 1/2 of 1',
    'batch 2/2 of 1',
    'validated 1 accuracy,auroc,kappa',
    'end 1',
    'saved 1',
  ]);
});

test.run();
