import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Batch } from '../../lib/data/batch.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { TrainingError } from '../../lib/errors.ts';
import { generator, init, memory, models, nn, optim, seed, type Tensor, zeros } from '../../lib/index.ts';
import { checkpointFile } from '../../lib/train/checkpoint-file.ts';
import { diagnoseForward } from '../../lib/train/diagnose.ts';
import { type FitOptions, fit } from '../../lib/train/fit.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { adam, assertRejects, dataset, makeModel, options, train, validation } from './toy.ts';

const test = suite('diagnose');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.before.each(() => setDevice(new ReferenceDevice()));
test.after(() => rmSync(folder, { recursive: true }));

/** Overwrites a parameter of a model. */
function poison(model: nn.Module, name: string, value: number): void {
  const parameter = model.namedParameters().get(name) as Tensor;
  parameter.assign(parameter.device.fill(parameter.size, value));
}

/** The message that a training ends with. */
async function faultOf(model: nn.Module, more: Partial<FitOptions> = {}, loader = train): Promise<string> {
  const running = fit(model, loader, { progress: null, optimizer: adam(model), epochs: 2, ...more });
  const error = await assertRejects(running, /^fit: /);
  assert.instance(error, TrainingError);
  return error.message;
}

test('a poisoned layer is named, however deep, and what of it is broken', async () => {
  await init({ device: 'wasm', threads: 1, seed: 1 });
  const make = () => models.resnet18({ numClasses: 1, inChannels: 1 });
  for (const [layer, parameter, value] of [
    ['conv1', 'weight', Number.NaN],
    ['layer2.0.conv1', 'weight', Number.POSITIVE_INFINITY],
    ['layer3.0.downsample.1', 'bias', Number.NaN],
    ['fc', 'bias', Number.NEGATIVE_INFINITY],
  ] as const) {
    const model = make();
    poison(model, `${layer}.${parameter}`, value);
    const message = await faultOf(model);
    const where = `NaN or infinity first appears in the output of ${layer} (`;
    assert.ok(message.includes(where), message);
    assert.ok(message.includes(`whose ${layer}.${parameter} holds it; a lower learning rate`), message);
    assert.match(message, /the loss is NaN|the loss is Infinity/);
    assert.match(message, /in epoch 1, batch 1 of 5, at learning rate 0\.003: /);
  }
});

test('a layer inside a dense block, which is run in parts', async () => {
  await init({ device: 'wasm', threads: 1, seed: 1 });
  const model = models.densenet121({ numClasses: 1, inChannels: 1 });
  const layer = 'features.denseblock2.denselayer3.conv1';
  poison(model, `${layer}.weight`, Number.NaN);
  const shape = [2, 1, 32, 32];
  const inputs = Float32Array.from({ length: 2 * 32 * 32 }, (_, i) => Math.sin(i));
  const batch = new Batch([0, 1], shape, inputs, Float32Array.of(0, 1), null);
  assert.ok((await diagnoseForward(model, batch)).includes(`in the output of ${layer} (`));
});

test('a layer of its own whose arithmetic breaks, with sound weights', async () => {
  class Root extends nn.Module {
    forward(x: Tensor): Tensor {
      return x.sub(100).sqrt();
    }
  }
  const model = new nn.Sequential({
    flatten: new nn.Flatten(),
    linear: new nn.Linear(36, 1),
    root: new Root(),
  });
  assert.match(await faultOf(model), /in the output of root \(8 of 8 values\); a lower learning rate/);
});

test('the batch is run again with the random numbers that it had', async () => {
  class Chance extends nn.Module {
    forward(x: Tensor): Tensor {
      return x.mul(generator.random() < 0.2 ? Number.NaN : 1);
    }
  }
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(36, 1), new Chance());
  seed(8);
  assert.match(await faultOf(model), /in epoch 1, batch 3 .* in the output of 2 \(8 of 8 values\)/);
});

test('an image, a label or a weight that is no number is named', async () => {
  const image = train.order(0)[11];
  const weights = new Float32Array(40).fill(1);
  weights[image] = Number.NaN;
  const loader = { ...options, shuffle: true, seed: 3 };
  const weighted = new DataLoader(dataset, { ...loader, weights });
  const end = 'in epoch 1, batch 2 of 5, at learning rate 0.003: ';
  assert.is(
    await faultOf(makeModel(), {}, weighted),
    `fit: the loss is NaN ${end}the weight of image ${image} is NaN`,
  );
  const broken = {
    ...dataset,
    target: (index: number) => (index === image ? Number.NaN : dataset.target(index)),
  };
  assert.is(
    await faultOf(makeModel(), {}, new DataLoader(broken, loader)),
    `fit: the loss is NaN ${end}the label of image ${image} is NaN`,
  );
  const normalization = { mean: [0.4], std: [0] };
  const bright = new DataLoader(dataset, { ...loader, normalization });
  assert.match(await faultOf(makeModel(), {}, bright), /batch 1 of 5.*: a pixel of image \d+ is -?Infinity$/);
});

test('weights that a gradient broke are neither saved nor kept, and the last good checkpoint is named', async () => {
  const path = join(folder, 'last.safetensors');
  const model = makeModel();
  const optimizer = new optim.SGD(model.parameters(), { lr: 1e-3 });
  let saved: Buffer | null = null;
  const message = await faultOf(model, {
    optimizer,
    validation,
    epochs: 3,
    checkpoint: { sink: checkpointFile(path), everySeconds: 0 },
    callbacks: [
      {
        onEpochBegin: (epoch) => {
          if (epoch === 2) saved = readFileSync(path);
          optimizer.groups[0].lr = epoch === 2 ? Number.NaN : 1e-3;
        },
      },
    ],
  });
  assert.match(message, /^fit: 0\.weight holds NaN or infinity in epoch 2, after batch 1 of 5, /);
  assert.ok(message.endsWith(`; the last good checkpoint is ${path} (epoch 1)`), message);
  assert.equal(readFileSync(path), saved);
});

test('looking for the layer leaves the model as it was, and no memory behind', async () => {
  const model = makeModel();
  const { value: batch } = await train.epoch(0).next();
  assert.ok(batch);
  const before = memory();
  const state = () => [...model.namedParameters().values()].map((value) => value.dataSync());
  const values = state();
  assert.match(await diagnoseForward(model, batch), /^the outputs of all layers, run again, are finite/);
  assert.equal(memory(), before);
  assert.equal(state(), values);
  const output = model.forward(zeros([2, 1, 6, 6]));
  assert.equal(output.shape, [2, 1]);
});

test.run();
