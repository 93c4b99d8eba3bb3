import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataLoader } from '../../lib/data/loader.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { TrainingError } from '../../lib/errors.ts';
import { memory, type nn } from '../../lib/index.ts';
import { evaluate } from '../../lib/train/evaluate.ts';
import { type FitOptions, type FitState, fit, type Schedule } from '../../lib/train/fit.ts';
import { formatDuration, ProgressBar } from '../../lib/train/progress.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { adam, dataset, makeModel, options, train, validation } from './toy.ts';

const test = suite('fit');
test.before.each(() => setDevice(new ReferenceDevice()));
test.after.each(() => setDevice(null));

/** A schedule without a state. */
const schedule = (step: (metric: number) => void): Schedule => ({
  step,
  stateDict: () => null,
  loadStateDict: () => {},
});

const quiet: Pick<FitOptions, 'progress'> = { progress: null };
const weightsOf = (model: nn.Module) => [...model.stateDict().values()].map((value) => [...value.dataSync()]);

test('learns, validates each epoch, and leaves memory as it was', async () => {
  const model = makeModel();
  const optimizer = adam(model);
  const first = await fit(model, train, { ...quiet, optimizer, epochs: 1, validation });
  const before = memory();
  const { history, best, ended } = await fit(model, train, {
    ...quiet,
    optimizer,
    epochs: 6,
    validation,
    state: first,
  });
  assert.equal(memory(), before);
  assert.is(ended, 'all epochs');
  assert.equal(
    history.map(({ epoch }) => epoch),
    [1, 2, 3, 4, 5, 6],
  );
  assert.ok(history[5].train.loss < history[0].train.loss / 2);
  assert.is(history[5].validation?.kappa, 1);
  const { accuracy, auroc } = history[5].train;
  assert.ok(accuracy > history[0].train.accuracy && accuracy <= 1 && auroc > history[0].train.auroc);
  assert.ok(history.every(({ dataWait }) => dataWait > 0 && dataWait < 1));
  const { loss, labels } = await evaluate(model, validation);
  assert.is(loss, best?.loss);
  assert.equal(
    [...labels],
    Array.from({ length: 40 }, (_, i) => i % 2),
  );
  assert.is(model.training, true);
});

test('stops when validation no longer improves, with the best weights', async () => {
  const model = makeModel();
  const optimizer = adam(model);
  const spoiling = schedule(() => {
    optimizer.groups[0].lr *= 12;
  });
  const seen: number[][][] = [];
  const { history, best, ended } = await fit(model, train, {
    ...quiet,
    optimizer,
    epochs: 30,
    validation,
    patience: 2,
    scheduler: spoiling,
    callbacks: [{ onEpochEnd: () => void seen.push(weightsOf(model)) }],
  });
  assert.ok(best);
  assert.is(ended, 'patience');
  assert.is(history.length, best.epoch + 2);
  assert.equal(weightsOf(model), seen[best.epoch - 1]);
});

test('ends before the next step when aborted, with the best weights', async () => {
  const model = makeModel();
  const stop = new AbortController();
  const onEpochEnd = ({ history }: FitState) => {
    if (history.length === 2) stop.abort();
  };
  const options = {
    ...quiet,
    optimizer: adam(model),
    epochs: 4,
    validation,
    callbacks: [{ onEpochEnd }],
    signal: stop.signal,
  };
  const { ended, history, best } = await fit(model, train, options);
  assert.is(ended, 'aborted');
  assert.is(history.length, 2);
  assert.is((await evaluate(model, validation)).loss, best?.loss);
});

test('schedules step after each batch or epoch', async () => {
  const model = makeModel();
  const optimizer = adam(model);
  const metrics: number[] = [];
  const scheduler = schedule((metric) => void metrics.push(metric));
  await fit(model, train, { ...quiet, optimizer, epochs: 2, scheduler, schedulerStep: 'batch' });
  assert.is(metrics.length, 10);
  metrics.length = 0;
  const { history } = await fit(model, train, { ...quiet, optimizer, epochs: 2, scheduler, validation });
  assert.equal(
    metrics,
    history.map(({ validation }) => validation?.loss),
  );
});

test('a loss that is no number stops the training and says where', async () => {
  const model = makeModel();
  const weights = new Float32Array(40).fill(1);
  weights[train.order(0)[11]] = Number.NaN;
  const broken = new DataLoader(dataset, { ...options, shuffle: true, seed: 3, weights });
  const error = await fit(model, broken, { ...quiet, optimizer: adam(model), epochs: 2 }).catch(
    (reason) => reason,
  );
  assert.instance(error, TrainingError);
  assert.match(error.message, /the loss is NaN in epoch 1, batch 2 of 5, at learning rate 0\.003/);
});

/** A clock that goes so many milliseconds further each time it is read, for as long as a function runs. */
async function withClock(step: number, run: () => Promise<unknown>): Promise<void> {
  const { now } = performance;
  let time = 0;
  performance.now = () => {
    time += step;
    return time;
  };
  try {
    await run();
  } finally {
    performance.now = now;
  }
}

test('progress: a bar in a terminal, plain lines elsewhere, however long a step takes', async () => {
  for (const [isTTY, step] of [
    [true, 200],
    [true, 600_000],
    [false, 20_000],
  ] as const) {
    let text = '';
    const write = (part: string) => {
      text += part;
    };
    const stream = { isTTY, columns: 60, write };
    const model = makeModel();
    await withClock(step, () => {
      const progress = new ProgressBar(stream);
      return fit(model, train, { progress, optimizer: adam(model), epochs: 2, validation });
    });
    assert.is(text.includes('\x1b'), isTTY);
    assert.match(
      text,
      /epoch 2\/2 {2}train: loss \d\.\d{3}.*kappa .* {2}validation: loss .*kappa .*images\/s, data wait \d+ %\n/,
    );
    const steps = text.split(isTTY ? '\r\x1b[2K' : '\n').filter((line) => line.includes('ETA'));
    assert.ok(steps.length > 0);
    for (const line of steps) {
      const [, bar, left] =
        /^epoch \d\/2 ([█░]*) *\d+ % {2}loss \d\.\d{4} {2}ETA (\S+)( |$)/.exec(line) ?? [];
      assert.match(left, /^\d+(:\d\d){1,2}$/, line);
      assert.is(bar.length > 0, isTTY);
      assert.ok(!isTTY || line.length < 60, 'it does not wrap');
    }
  }
  assert.equal([7.4, 754, 3723].map(formatDuration), ['0:07', '12:34', '1:02:03']);
});

test.run();
