import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { memory, type nn, optim, seed } from '../../lib/index.ts';
import { loadWeights, saveWeights } from '../../lib/node.ts';
import { readCheckpoint, saveCheckpoint, type Training } from '../../lib/train/checkpoint.ts';
import { type FitState, fit } from '../../lib/train/fit.ts';
import { writeLog } from '../../lib/train/log.ts';
import { ReferenceDevice } from '../reference/device.ts';
import { adam, makeModel, train, validation } from './toy.ts';

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
    onEpoch: (state) => saveCheckpoint(path, training, state, { epochsDone: state.history.length }),
  });
};

const curve = ({ history }: FitState) =>
  history.map(({ trainLoss, validation, lr }) => [trainLoss, validation, lr]);
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
    onEpoch: (state) => saveCheckpoint(path, killed, state, { epochsDone: state.history.length }),
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
  const numbers = { loss: 0.5, accuracy: 0.75, auroc: Number.NaN, kappa: 0.5 };
  await writeLog(file, [{ epoch: 1, trainLoss: 0.7, validation: numbers, lr: 0.1, imagesPerSecond: 12 }]);
  assert.is(
    readFileSync(file, 'utf8'),
    'epoch,train_loss,validation_loss,validation_accuracy,validation_auroc,validation_kappa,lr,images_per_second\n1,0.7,0.5,0.75,NaN,0.5,0.1,12\n',
  );
});

test.run();
