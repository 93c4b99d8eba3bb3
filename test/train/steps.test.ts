import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataLoader } from '../../lib/data/loader.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { ShapeError } from '../../lib/errors.ts';
import { nn, optim, seed } from '../../lib/index.ts';
import { type FitOptions, fit } from '../../lib/train/fit.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { assertRejects, dataset, options } from './toy.ts';

const test = suite('steps');
test.before.each(() => setDevice(new ReferenceDevice()));
test.after.each(() => setDevice(null));

/** A network whose answers do not depend on the other images of the batch. */
function makeModel(): nn.Sequential {
  seed(1);
  return new nn.Sequential(
    new nn.Conv2d(1, 4, { kernelSize: 3, padding: 1 }),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(144, 1),
  );
}

const weights = Float32Array.from({ length: dataset.length }, (_, i) => 0.5 + (i % 3));

/** The weights and the history of a training on batches of `batchSize`, 40 images an epoch. */
async function train(batchSize: number, fitOptions: Partial<FitOptions>, sgd = { lr: 0.05, momentum: 0.9 }) {
  const model = makeModel();
  const optimizer = new optim.SGD(model.parameters(), sgd);
  const loader = new DataLoader(dataset, { ...options, batchSize, shuffle: true, seed: 3, weights });
  const { history } = await fit(model, loader, { optimizer, epochs: 2, progress: null, ...fitOptions });
  return { values: [...model.stateDict().values()].flatMap((value) => [...value.dataSync()]), history };
}

const distance = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i])));

test('gradients of several batches add up to those of one large batch, the last step of an epoch included', async () => {
  // 40 images: steps of 16, 16 and 8, in batches of 5 (the last one of which is short) or at once.
  const large = await train(15, {});
  const small = await train(5, { accumulate: 3 });
  const uneven = await train(12, { accumulate: 2 });
  assert.ok(distance(small.values, large.values) < 1e-6);
  assert.ok(distance(uneven.values, (await train(24, {})).values) < 1e-6);
  assert.ok(distance(small.values, (await train(5, {})).values) > 1e-3);
  assert.ok(Math.abs(small.history[1].train.loss - large.history[1].train.loss) < 1e-6);
});

test('a schedule steps once a step of the optimiser, with its mean loss', async () => {
  const losses: number[] = [];
  const scheduler = {
    step: (loss: number) => void losses.push(loss),
    stateDict: () => null,
    loadStateDict: () => {},
  };
  const { history } = await train(5, { accumulate: 3, scheduler, schedulerStep: 'batch', epochs: 1 });
  assert.is(losses.length, 3);
  const mean = (15 * losses[0] + 15 * losses[1] + 10 * losses[2]) / 40;
  assert.ok(Math.abs(mean - history[0].train.loss) < 1e-9);
});

test('clipped gradients move the weights no further than their norm allows', async () => {
  const before = [...makeModel().stateDict().values()].flatMap((value) => [...value.dataSync()]);
  const move = async (maxGradNorm?: number) => {
    const { values } = await train(40, { epochs: 1, maxGradNorm }, { lr: 1, momentum: 0 });
    return Math.hypot(...values.map((value, i) => value - before[i]));
  };
  const free = await move();
  assert.ok(free > 0.1);
  assert.ok(Math.abs((await move(0.1)) - 0.1) < 1e-4);
  assert.ok(Math.abs((await move(2 * free)) - free) < 1e-6, 'a smaller norm is left as it is');
});

test('mixup changes what is learnt, by the seeded generator alone', async () => {
  const plain = await train(8, {});
  const mixed = await train(8, { mixup: 0.4 });
  assert.ok(distance(mixed.values, plain.values) > 1e-3);
  assert.equal((await train(8, { mixup: 0.4 })).values, mixed.values);
});

test('options out of range are named', async () => {
  for (const [wrong, message] of [
    [{ accumulate: 1.5 }, /accumulate must be a whole number from 1 on, got 1\.5/],
    [{ accumulate: 0 }, /accumulate .*got 0/],
    [{ maxGradNorm: 0 }, /maxGradNorm must be above 0, got 0/],
    [{ mixup: -1 }, /mixup must be above 0, got -1/],
  ] as const) {
    assert.instance(await assertRejects(train(8, wrong), message), ShapeError);
  }
});

test.run();
