import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { StateDictError } from '../../lib/errors.ts';
import { optim } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { createPlateau, createSchedule, golden, parameters, twoGroups } from './golden.ts';

test.before(() => setDevice(new ReferenceDevice()));

/** Within 1e-12 of PyTorch's, relative. */
function same(what: string, actual: readonly number[], expected: readonly number[]): void {
  expected.forEach((value, i) => {
    const error = Math.abs(actual[i] - value);
    assert.ok(error <= 1e-12 * Math.abs(value) + 1e-16, `${what}, group ${i}: ${actual[i]}, wants ${value}`);
  });
}

for (const { kind, options, lrs, momenta } of golden.schedules) {
  test(`${kind} ${JSON.stringify(options)} sets PyTorch's rates`, () => {
    const optimizer = twoGroups();
    const schedule = createSchedule(kind, optimizer, options);
    lrs.forEach((expected, step) => {
      if (step > 0) schedule.step();
      same(`lr at step ${step}`, schedule.getLastLr(), expected);
      same(`momentum at step ${step}`, [optimizer.groups[0].momentum], [momenta[step]]);
    });
  });

  test(`${kind} ${JSON.stringify(options)} goes on from its state`, () => {
    const first = createSchedule(kind, twoGroups(), options);
    for (let step = 0; step < 6; step++) first.step();
    const second = createSchedule(kind, twoGroups(), options);
    second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    for (let step = 6; step < lrs.length - 1; step++) {
      first.step();
      second.step();
      assert.equal(second.getLastLr(), first.getLastLr());
    }
  });
}

for (const { options, lrs } of golden.plateaus) {
  test(`ReduceLROnPlateau ${JSON.stringify(options)} sets PyTorch's rates, across a resume too`, () => {
    let schedule = createPlateau(twoGroups(), options);
    golden.metrics.forEach((metric, step) => {
      schedule.step(metric ?? Number.NaN);
      same(`lr at step ${step}`, schedule.getLastLr(), lrs[step]);
      const state = JSON.parse(JSON.stringify(schedule.stateDict()));
      schedule = createPlateau(twoGroups(), options);
      schedule.loadStateDict(state);
    });
  });
}

for (const { name, parts, milestones, lrs } of golden.sequences) {
  test(`SequentialLR (${name}) sets PyTorch's rates, across a resume too`, () => {
    const create = () => {
      const optimizer = twoGroups();
      const schedulers = parts.map(({ kind, options }) => createSchedule(kind, optimizer, options));
      return new optim.SequentialLR(optimizer, { schedulers, milestones });
    };
    let schedule = create();
    lrs.forEach((expected, step) => {
      if (step > 0) schedule.step();
      same(`lr at step ${step}`, schedule.getLastLr(), expected);
      const state = JSON.parse(JSON.stringify(schedule.stateDict()));
      schedule = create();
      schedule.loadStateDict(state);
    });
  });
}

test('LambdaLR multiplies the first rate of each group', () => {
  const schedule = new optim.LambdaLR(twoGroups(), { lrLambda: [(step) => 0.5 ** step, (step) => 1 + step] });
  assert.equal(schedule.getLastLr(), [0.1, 0.02]);
  schedule.step();
  schedule.step();
  assert.equal(schedule.getLastLr(), [0.025, 0.06]);
  assert.throws(
    () => new optim.LambdaLR(twoGroups(), { lrLambda: [() => 1] }),
    /1 values of lrLambda for 2 groups/,
  );
});

test("OneCycleLR cycles Adam's beta1", () => {
  const optimizer = new optim.Adam(parameters());
  const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 10 });
  assert.equal(optimizer.groups[0].betas, [0.95, 0.999]);
  for (let step = 0; step < 2; step++) schedule.step();
  assert.equal(optimizer.groups[0].betas, [0.85, 0.999]);
  for (let step = 2; step < 10; step++) schedule.step();
  assert.throws(() => schedule.step(), /step 12 of a cycle of 10/);
});

test('wrong options and states are refused', () => {
  const optimizer = twoGroups();
  assert.throws(() => new optim.OneCycleLR(optimizer, { maxLr: 1 }), /totalSteps/);
  assert.throws(() => new optim.OneCycleLR(optimizer, { maxLr: 1, totalSteps: 5, pctStart: 2 }), /pctStart/);
  assert.throws(() => new optim.LinearLR(optimizer, { startFactor: 0 }), /startFactor/);
  assert.throws(() => new optim.SequentialLR(optimizer, { schedulers: [], milestones: [1] }), /milestones/);
  assert.throws(() => new optim.ReduceLROnPlateau(optimizer, { factor: 1 }), /factor/);
  assert.throws(() => new optim.ReduceLROnPlateau(optimizer, { minLr: [1, 2, 3] }), /3 values of minLr/);
  const schedule = new optim.StepLR(optimizer, { stepSize: 1 });
  assert.throws(
    () => schedule.loadStateDict({ lastEpoch: 1, baseLrs: [1], lastLrs: [1] }),
    (error: Error) => error instanceof StateDictError,
  );
});

test.run();
