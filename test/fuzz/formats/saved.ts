/** What a training saves and reads again: checkpoints, results, networks that say what they are for. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildModel, loadBody } from '../../../examples/mura/build.ts';
import type { Result } from '../../../examples/mura/experiment.ts';
import { writePredictions } from '../../../examples/mura/predictions.ts';
import { readSettings } from '../../../examples/mura/read-settings.ts';
import { RECIPES } from '../../../examples/mura/recipes.ts';
import { readCell } from '../../../examples/mura/study-cells.ts';
import { openNetwork, saveNetwork } from '../../../examples/mura/weights.ts';
import { nn, optim, seed, tidy } from '../../../lib/index.ts';
import {
  loadWeights,
  naming,
  readCheckpoint,
  type ScoredImage,
  saveCheckpoint,
  saveWeights,
  type Training,
} from '../../../lib/node.ts';
import { download } from '../../../lib/serialize/safetensors.ts';
import { generator } from '../../../lib/tensor/random.ts';
import type { Tensor } from '../../../lib/tensor/tensor.ts';
import type { Format } from '../format.ts';
import { mutateJson } from '../grammar/json.ts';
import { mutateHeader, mutateMetadata } from '../grammar/safetensors.ts';

const recipe = { ...RECIPES.cnn2, size: 8 };
const settings = { data: null, regions: [], pretrained: null, seed: 0, recipe };

/** The bytes of a file that `save` writes. */
async function saved(save: (path: string) => Promise<void>): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'gradiograph-fuzz-'));
  await save(join(folder, 'file'));
  const bytes = new Uint8Array(readFileSync(join(folder, 'file')));
  rmSync(folder, { recursive: true });
  return bytes;
}

const valuesOf = (state: ReadonlyMap<string, Tensor>): unknown[] =>
  [...state].flatMap(([name, tensor]) => [name, tensor.dataSync()]);

/** A training of four parameters, after one step. */
function makeTraining(kind: 'adam' | 'sgd'): Training {
  seed(1);
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm2d(1));
  const optimizer =
    kind === 'adam'
      ? new optim.Adam(model.parameters(), { lr: 0.1 })
      : new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const scheduler =
    kind === 'adam'
      ? new optim.ReduceLROnPlateau(optimizer)
      : new optim.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 10 });
  return { model, optimizer, scheduler };
}

function disposeOf({ model, optimizer }: Training): void {
  optimizer.zeroGrad();
  optimizer.dispose();
  model.dispose();
}

async function saveTraining(kind: 'adam' | 'sgd', path: string): Promise<void> {
  const training = makeTraining(kind);
  const { model, optimizer } = training;
  tidy(() => {
    for (const parameter of model.parameters()) parameter.square().sum().backward();
  });
  optimizer.step();
  const metrics = { loss: 0.5, accuracy: 0.5, auroc: Number.NaN, kappa: 0 };
  const record = { epoch: 1, train: metrics, validation: metrics, lr: 0.1, imagesPerSecond: 5, dataWait: 0 };
  const weights = await download(model.stateDict());
  const results = { outputs: new Float32Array(2), targets: new Float32Array(2) };
  const unfinished = { batches: 1, samples: 2, lossSum: 1, seconds: 1, dataSeconds: 0, ...results };
  await saveCheckpoint(
    path,
    training,
    { history: [record], best: { epoch: 1, loss: 0.5, weights }, unfinished },
    settings,
  );
  disposeOf(training);
}

/** Holds a checkpoint to a training of either kind. */
async function restore(path: string): Promise<unknown[]> {
  const checkpoint = await readCheckpoint(path);
  const read = await naming(path, () => readSettings(checkpoint.settings, 'settings'));
  let fault: unknown;
  for (const kind of ['adam', 'sgd'] as const) {
    const training = makeTraining(kind);
    try {
      const state = await checkpoint.restore(training);
      const { groups, steps, tensors } = training.optimizer.stateDict();
      const weights = valuesOf(training.model.stateDict());
      const schedule = training.scheduler?.stateDict();
      const { history, best, unfinished } = state;
      const own = [kind, ...weights, groups, steps, ...valuesOf(tensors), schedule, generator.state];
      return [...own, read, history, best?.epoch, best?.loss, [...(best?.weights.keys() ?? [])], unfinished];
    } catch (error) {
      fault = error;
    } finally {
      disposeOf(training);
    }
  }
  throw fault;
}

export const checkpoint: Format = {
  name: 'checkpoint',
  samples: async () => [
    await saved((path) => saveTraining('adam', path)),
    await saved((path) => saveTraining('sgd', path)),
  ],
  mutations: [mutateHeader, ...new Array(4).fill(mutateMetadata('gradiograph_checkpoint'))],
  read: (_, path) => restore(path),
};

export const network: Format = {
  name: 'network',
  samples: async () => {
    const model = buildModel(recipe);
    const bytes = await saved((path) =>
      saveNetwork(path, model, { recipe, regions: ['wrist'], threshold: 0.5 }),
    );
    model.dispose();
    return [bytes];
  },
  mutations: [mutateHeader, ...new Array(4).fill(mutateMetadata('gradiograph_mura'))],
  read: async (_, path) => {
    const { model, card } = await openNetwork(path);
    const values = valuesOf(model.stateDict());
    model.dispose();
    return [...values, card];
  },
};

/** Weights for three channels, which a network for one starts from. */
export const pretrained: Format = {
  name: 'pretrained',
  samples: async () => {
    const model = buildModel({ ...recipe, channels: 3 });
    const bytes = await saved((path) => saveWeights(path, model.stateDict()));
    model.dispose();
    return [bytes];
  },
  mutations: [mutateHeader],
  read: async (_, path) => {
    const weights = await loadWeights(path);
    const model = buildModel({ ...recipe, channels: 1 });
    try {
      return [await loadBody(model, weights), ...valuesOf(model.stateDict())];
    } finally {
      for (const value of weights.values()) value.dispose();
      model.dispose();
    }
  },
};

const image: ScoredImage = {
  path: 'valid/XR_WRIST/patient00007/study1_positive/image1.png',
  split: 'valid',
  region: 'wrist',
  patient: 7,
  study: 'valid/XR_WRIST/patient00007/study1_positive',
  label: 1,
  score: 0.75,
};
const found: Result = {
  settings,
  device: 'a device',
  threshold: 0.5,
  networks: [{ seed: 0, epochs: 1, best: null }],
  seconds: 1,
  measures: (['image', 'study'] as const).map((unit) => ({
    unit,
    region: 'all',
    n: 1,
    accuracy: 1,
    accuracyInterval: [0.5, 1],
    majority: 1,
    kappa: null,
    kappaInterval: [null, null],
    auroc: null,
    sensitivity: 1,
    specificity: null,
    collapsed: true,
  })),
};

export const result: Format = {
  name: 'result',
  samples: async () => [new TextEncoder().encode(JSON.stringify(found, null, 2))],
  mutations: [
    (bytes, random) => new TextEncoder().encode(mutateJson(new TextDecoder().decode(bytes), random)),
  ],
  read: async (bytes, path) => {
    const folder = dirname(path);
    writeFileSync(join(folder, 'result.json'), bytes);
    await writePredictions(join(folder, 'predictions.csv'), [image]);
    const cell = await readCell({ recipe: 'cnn2', scope: 'unified', settings, folder });
    return [cell?.result, cell?.test];
  },
};
