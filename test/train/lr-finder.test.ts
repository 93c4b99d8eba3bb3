import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataLoader } from '../../lib/data/loader.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { ShapeError } from '../../lib/errors.ts';
import { generator, memory, nn, optim } from '../../lib/index.ts';
import { fit } from '../../lib/train/fit.ts';
import { findLearningRate } from '../../lib/train/lr-finder.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { adam, assertRejects, dataset, makeModel, options, train } from './toy.ts';

const test = suite('findLearningRate');
test.before.each(() => setDevice(new ReferenceDevice()));
test.after.each(() => setDevice(null));

const valuesOf = (model: nn.Module) => [...model.stateDict().values()].map((value) => [...value.dataSync()]);
const stateOf = ({ optimizer }: { optimizer: optim.Optimizer }) => {
  const { tensors, ...rest } = optimizer.stateDict();
  return [rest, [...tensors].map(([name, value]) => [name, [...value.dataSync()]])];
};

test('finds a rate that learns, far better than one at the start of the curve', async () => {
  const model = makeModel();
  const optimizer = adam(model);
  const { points, suggestion } = await findLearningRate(model, train, { optimizer, steps: 60 });
  assert.ok(suggestion && suggestion > 1e-4 && suggestion < 1, `suggests ${suggestion}`);
  assert.ok(points.every(({ lr }) => lr > 0.99e-7 && lr < 10.01));
  const lossAfter = async (lr: number) => {
    const model = makeModel();
    const optimizer = new optim.Adam(model.parameters(), { lr });
    const { history } = await fit(model, train, { optimizer, epochs: 2, progress: null });
    return history[1].train.loss;
  };
  assert.ok((await lossAfter(suggestion)) < 0.7 * (await lossAfter(points[5].lr)));
});

test('rates grow by one factor, losses are smoothed, and a diverging loss ends the sweep', async () => {
  const model = makeModel();
  const optimizer = new optim.SGD(
    [{ params: model.parameters().slice(0, 2), lr: 0.1 }, { params: model.parameters().slice(2) }],
    { lr: 0.4 },
  );
  const seen: number[][] = [];
  const sweep = { optimizer, from: 1e-3, to: 1e6, steps: 80, smoothing: 0.5, divergence: 3 };
  const { points } = await findLearningRate(model, train, {
    ...sweep,
    onStep: (_, part) => seen.push([part, ...optimizer.groups.map(({ lr }) => lr)]),
  });
  assert.ok(points.length > 20 && points.length < 80, `${points.length} points`);
  let mean = 0;
  points.forEach(({ lr, loss, smoothed }, i) => {
    assert.ok(Math.abs(lr / (1e-3 * 1e9 ** (i / 79)) - 1) < 1e-9);
    mean = (mean + loss) / 2;
    assert.ok(Math.abs(smoothed - mean / (1 - 0.5 ** (i + 1))) < 1e-9);
    assert.is(seen[i][0], (i + 1) / 80);
    if (i > 0) assert.equal(seen[i].slice(1), [points[i - 1].lr / 4, points[i - 1].lr]);
  });
  const losses = points.map(({ smoothed }) => smoothed);
  const least = (end: number) => Math.min(...losses.slice(0, end));
  const diverged = losses.findIndex((loss, i) => loss > 3 * least(i + 1));
  assert.ok(diverged === -1 || diverged === points.length - 1, 'it ends at once');
});

test('everything is put back: a training goes on as if nothing had happened', async () => {
  const runs = [];
  for (const finds of [false, true]) {
    const model = makeModel();
    const optimizer = adam(model);
    await fit(model, train, { optimizer, epochs: 1, progress: null });
    optimizer.zeroGrad();
    model.eval();
    const before = [valuesOf(model), stateOf({ optimizer }), generator.state, memory()];
    if (finds) await findLearningRate(model, train, { optimizer, steps: 12, to: 100 });
    assert.equal([valuesOf(model), stateOf({ optimizer }), generator.state, memory()], before);
    assert.is(model.training, false);
    await fit(model, train, { optimizer, epochs: 1, progress: null });
    runs.push(valuesOf(model));
  }
  assert.equal(runs[1], runs[0]);
});

test('a loss that is no number ends the sweep, also at once; a fault on the way puts all back', async () => {
  const model = makeModel();
  const optimizer = adam(model);
  const before = valuesOf(model);
  const weights = new Float32Array(40).fill(Number.NaN);
  const broken = new DataLoader(dataset, { ...options, weights });
  assert.equal(await findLearningRate(model, broken, { optimizer }), { points: [], suggestion: null });
  const onStep = () => {
    throw new Error('enough');
  };
  await assertRejects(findLearningRate(model, train, { optimizer, onStep }), /enough/);
  assert.equal(valuesOf(model), before);
  assert.is(optimizer.groups[0].lr, 3e-3);
});

test('options out of range are named', async () => {
  const model = new nn.Linear(1, 1);
  const optimizer = adam(model);
  for (const [wrong, message] of [
    [{ from: 1, to: 0.1 }, /wants 0 < from < to, got 1 and 0\.1/],
    [{ from: 0 }, /got 0 and 10/],
    [{ steps: 1 }, /wants 2 steps or more, got 1/],
  ] as const) {
    const fault = await assertRejects(findLearningRate(model, train, { optimizer, ...wrong }), message);
    assert.instance(fault, ShapeError);
  }
  const empty = new DataLoader({ ...dataset, length: 0 });
  await assertRejects(findLearningRate(model, empty, { optimizer }), /no batches/);
});

test.run();
