import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataLoader } from '../../lib/data/loader.ts';
import { setDevice } from '../../lib/devices/select.ts';
import {
  FormatError,
  GradiographError,
  generator,
  memory,
  nn,
  optim,
  StateDictError,
  seed,
} from '../../lib/index.ts';
import { loadWeights, saveWeights } from '../../lib/node.ts';
import type { Training } from '../../lib/train/checkpoint.ts';
import { checkpointFile, readCheckpoint, saveCheckpoint } from '../../lib/train/checkpoint-file.ts';
import { writeWhole } from '../../lib/train/files.ts';
import { type FitOptions, type FitState, fit } from '../../lib/train/fit.ts';
import { writeLog } from '../../lib/train/log.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { adam, assertRejects, dataset, makeModel, options, train, validation } from './toy.ts';

const test = suite('checkpoint');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const path = join(folder, 'deep', 'last.safetensors');
test.before.each(() => setDevice(new ReferenceDevice()));
test.after(() => rmSync(folder, { recursive: true }));

function makeTraining() {
  const model = makeModel();
  const optimizer = adam(model);
  const scheduler = new optim.OneCycleLR(optimizer, { maxLr: 1e-2, epochs: 4, stepsPerEpoch: train.length });
  return { model, optimizer, scheduler } satisfies Training;
}

/** Trains up to `epochs`; a checkpoint is written after each epoch. */
const run = (training: ReturnType<typeof makeTraining>, state?: FitState) => {
  const { model, optimizer, scheduler } = training;
  return fit(model, train, {
    optimizer,
    scheduler,
    schedulerStep: 'batch',
    epochs: 4,
    validation,
    state,
    progress: null,
    callbacks: [
      { onEpochEnd: (state) => saveCheckpoint(path, training, state, { epochsDone: state.history.length }) },
    ],
  });
};

const curve = ({ history }: FitState) => history.map(({ train, validation, lr }) => [train, validation, lr]);
const stateOf = ({ optimizer, scheduler }: Training) =>
  JSON.stringify([optimizer.stateDict().groups, optimizer.stateDict().steps, scheduler?.stateDict()]);

const weightsOf = (model: nn.Module) => [...model.stateDict().values()].map((value) => [...value.dataSync()]);

test('a resumed run ends with the bits of one that was not interrupted', async () => {
  const whole = makeTraining();
  const uninterrupted = await run(whole);

  const killed = makeTraining();
  const { model, optimizer, scheduler } = killed;
  await fit(model, train, {
    optimizer,
    scheduler,
    schedulerStep: 'batch',
    epochs: 2,
    validation,
    progress: null,
    callbacks: [
      { onEpochEnd: (state) => saveCheckpoint(path, killed, state, { epochsDone: state.history.length }) },
    ],
  });

  seed(99);
  const resumed = makeTraining();
  const checkpoint = await readCheckpoint(path);
  assert.equal(checkpoint.settings, { epochsDone: 2 });
  const before = memory().tensors;
  const state = await checkpoint.restore(resumed);
  const moments = 2 * resumed.model.parameters().length;
  assert.is(memory().tensors, before + moments);
  const result = await run(resumed, state);
  assert.equal(curve(result), curve(uninterrupted));
  assert.equal(result.best, uninterrupted.best);
  assert.equal(weightsOf(resumed.model), weightsOf(whole.model));
  assert.equal(readdirSync(join(folder, 'deep')), ['last.safetensors'], 'no temporary file is left');
});

/** A schedule that spoils the training, a little more each epoch. */
const spoiling = (optimizer: optim.Optimizer) => new optim.ExponentialLR(optimizer, { gamma: 12 });

test('early stopping counts on after a resume, and restores the best weights', async () => {
  const file = join(folder, 'patience.safetensors');
  const make = () => {
    const model = makeModel();
    const optimizer = adam(model);
    return { model, optimizer, scheduler: spoiling(optimizer) };
  };
  const go = ({ model, ...steps }: ReturnType<typeof make>, more: Partial<FitOptions>) =>
    fit(model, train, { ...steps, epochs: 30, validation, patience: 3, progress: null, ...more });
  const whole = make();
  const uninterrupted = await go(whole, {});
  const { best } = uninterrupted;
  assert.is(uninterrupted.ended, 'patience');
  assert.ok(best && best.epoch >= 1);

  const stopped = make();
  const stop = new AbortController();
  const partial = await go(stopped, {
    checkpoint: { sink: checkpointFile(file) },
    signal: stop.signal,
    callbacks: [
      {
        onEpochEnd: ({ history }) => {
          if (history.length === best.epoch + 1) stop.abort();
        },
      },
    ],
  });
  assert.equal([partial.ended, partial.history.length], ['aborted', best.epoch + 1]);
  const resumed = make();
  const state = await (await readCheckpoint(file)).restore(resumed);
  const result = await go(resumed, { state });
  assert.equal([result.ended, result.history.length], ['patience', best.epoch + 3]);
  assert.equal(curve(result), curve(uninterrupted));
  assert.equal(weightsOf(resumed.model), weightsOf(whole.model));
});

test('stopped within a validation, it goes on with that validation', async () => {
  const file = join(folder, 'validation.safetensors');
  const stop = new AbortController();
  let seen = 0;
  const stopping = new DataLoader(
    {
      ...dataset,
      image: (index) => {
        if (++seen === 60) stop.abort();
        return dataset.image(index);
      },
    },
    options,
  );
  const whole = makeTraining();
  const uninterrupted = await run(whole);
  const stopped = makeTraining();
  const { model: _model, ...steps } = stopped;
  const plan = { ...steps, epochs: 4, progress: null, schedulerStep: 'batch' } as const;
  const checkpoint = { sink: checkpointFile(file), settings: 'mine' };
  const { ended, history, unfinished } = await fit(stopped.model, train, {
    ...plan,
    validation: stopping,
    checkpoint,
    signal: stop.signal,
  });
  assert.equal([ended, history.length, unfinished?.batches], ['aborted', 1, train.length]);
  assert.is(unfinished?.targets.length, 40);
  assert.is(stopped.model.training, true);

  seed(99);
  const resumed = makeTraining();
  const read = await readCheckpoint(file);
  assert.is(read.settings, 'mine');
  const result = await run(resumed, await read.restore(resumed));
  assert.equal(curve(result), curve(uninterrupted));
  assert.equal(weightsOf(resumed.model), weightsOf(whole.model));

  const state = await read.restore(makeTraining());
  for (const [wrong, message] of [
    [
      new DataLoader(dataset, { ...options, shuffle: true, seed: 4 }),
      /40 samples of epoch 2 that are not the/,
    ],
    [
      new DataLoader(dataset, { ...options, batchSize: 4, shuffle: true, seed: 3 }),
      /5 batches with 40 samples/,
    ],
  ] as const) {
    const training = makeTraining();
    const { optimizer } = training;
    const going = (async () => fit(training.model, wrong, { optimizer, epochs: 4, progress: null, state }))();
    assert.instance(await assertRejects(going, message), StateDictError);
  }
});

test('a training of another kind is named, and nothing of it is changed', async () => {
  const { model, optimizer, scheduler } = makeTraining();
  const state: FitState = { history: [], best: null, unfinished: null };
  const plain = join(folder, 'plain.safetensors');
  const scheduled = join(folder, 'scheduled.safetensors');
  await fit(model, train, { optimizer, epochs: 1, progress: null });
  await saveCheckpoint(plain, { model, optimizer, scheduler: null }, state, null);
  await saveCheckpoint(scheduled, { model, optimizer, scheduler }, state, null);

  const cases: [string, string, (own: ReturnType<typeof makeTraining>) => Training][] = [
    [plain, 'it has no schedule, the training has one', (own) => own],
    [scheduled, 'it has a schedule, the training has none', (own) => ({ ...own, scheduler: null })],
    [
      scheduled,
      "its schedule's state is { baseLrs[1], lastEpoch, lastLrs[1] }, that of the training's schedule { best, ",
      (own) => ({ ...own, scheduler: new optim.ReduceLROnPlateau(own.optimizer) }),
    ],
    [
      scheduled,
      'group 0 lacks momentum',
      (own) => ({ ...own, optimizer: new optim.SGD(own.model.parameters(), { lr: 1, momentum: 0.9 }) }),
    ],
    [scheduled, 'missing (', (own) => ({ ...own, model: new nn.Sequential(own.model, new nn.Linear(1, 1)) })],
  ];
  for (const [file, message, makeOther] of cases) {
    const other = makeOther(makeTraining());
    const before = [weightsOf(other.model), stateOf(other), generator.state];
    const checkpoint = await readCheckpoint(file);
    const fault = await checkpoint.restore(other).catch((error) => error);
    assert.instance(fault, StateDictError);
    assert.match(fault.message, message);
    assert.equal([weightsOf(other.model), stateOf(other), generator.state], before, message);
  }
});

test('numbers that JSON lacks survive', async () => {
  const file = join(folder, 'numbers.safetensors');
  const settings = { numbers: [Number.NaN, Infinity, -Infinity, -1.5], text: ['NaN', 'Infinity'] };
  const training = makeTraining();
  const numbers = { loss: Infinity, accuracy: 0.5, auroc: Number.NaN, kappa: -Infinity };
  const record = { epoch: 1, train: numbers, validation: null, lr: 0.1, imagesPerSecond: 12, dataWait: 0.25 };
  const history = [record, { ...record, epoch: 2, validation: numbers }];
  await saveCheckpoint(file, training, { history, best: null, unfinished: null }, settings);
  const checkpoint = await readCheckpoint(file);
  assert.equal(checkpoint.settings, settings);
  assert.equal((await checkpoint.restore(training)).history, history);
});

test('a write that fails leaves nothing behind', async () => {
  const taken = join(folder, 'taken');
  mkdirSync(join(taken, 'file'), { recursive: true });
  const error = await assertRejects(
    writeWhole(join(taken, 'file'), 'a folder has this name'),
    /taken.file: cannot be written \((EISDIR|ENOTEMPTY|EEXIST|EPERM): /,
  );
  assert.instance(error, GradiographError);
  await assertRejects(writeWhole(join(taken, 'other'), 7 as never), /string|Buffer/);
  assert.equal(readdirSync(taken), ['file']);
});

test('a folder that cannot be written is named before the first image is read', async () => {
  let read = 0;
  const counting = new DataLoader({ ...dataset, image: (i) => dataset.image(i + 0 * ++read) }, options);
  const file = join(folder, 'a file');
  writeFileSync(file, '');
  const { model, optimizer } = makeTraining();
  const checkpoint = { sink: checkpointFile(join(file, 'last.safetensors')) };
  const error = await assertRejects(
    fit(model, counting, { optimizer, epochs: 1, progress: null, checkpoint }),
    /a file.last\.safetensors: cannot be written \((ENOTDIR|EEXIST): /,
  );
  assert.instance(error, GradiographError);
  assert.is(read, 0);
});

test('a checkpoint that is not there is named in a sentence', async () => {
  const error = await assertRejects(
    readCheckpoint(join(folder, 'nope')),
    /nope: cannot be read \(ENOENT: no such file or directory\)$/,
  );
  assert.instance(error, FormatError);
  assert.instance(await assertRejects(loadWeights(folder), /: cannot be read \(EISDIR: /), FormatError);
});

test('weights are no checkpoint, and broken files are named', async () => {
  const file = join(folder, 'weights.safetensors');
  const model = makeModel();
  await saveWeights(file, model.stateDict());
  const back = await loadWeights(file);
  assert.equal([...back.keys()].sort(), [...model.stateDict().keys()].sort());
  for (const [name, value] of model.stateDict()) assert.equal(back.get(name)?.dataSync(), value.dataSync());
  const fault = (promise: Promise<unknown>) =>
    promise.then(
      () => 'no fault',
      (error: Error) => error.message,
    );
  assert.match(await fault(readCheckpoint(file)), /weights\.safetensors: .*no checkpoint/);
  writeFileSync(file, readFileSync(file).subarray(0, 100));
  assert.match(await fault(loadWeights(file)), /weights\.safetensors: safetensors: /);
});

test('the log is a table', async () => {
  const file = join(folder, 'log.csv');
  const train = { loss: 0.7, accuracy: 0.5, auroc: 0.625, kappa: 0 };
  const validation = { loss: 0.5, accuracy: 0.75, auroc: Number.NaN, kappa: 0.5 };
  await writeLog(file, [{ epoch: 1, train, validation, lr: 0.1, imagesPerSecond: 12, dataWait: 0.25 }]);
  assert.is(
    readFileSync(file, 'utf8'),
    [
      'epoch,train_loss,train_accuracy,train_auroc,train_kappa,validation_loss,validation_accuracy,validation_auroc,validation_kappa,lr,images_per_second,data_wait\n',
      '1,0.7,0.5,0.625,0,0.5,0.75,NaN,0.5,0.1,12,0.25\n',
    ].join(''),
  );
});

test.run();
