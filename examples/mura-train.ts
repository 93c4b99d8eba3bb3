/** Trains a network on MURA, or on a drawn set in its layout: `npm run mura`, `npx tsx examples/mura-train.ts --help`. */
import { join } from 'node:path';
import { type Device, GradiographError, init, type nn } from '../lib/index.ts';
import {
  classWeights,
  DataLoader,
  describePredictions,
  evaluate,
  fetchImagenetWeights,
  fit,
  IMAGENET_WEIGHTS,
  loadWeights,
  type PretrainedModel,
  ProgressBar,
  readCheckpoint,
  saveCheckpoint,
  saveWeights,
  scoreImages,
  type Training,
  thaw,
  writeLog,
} from '../lib/node.ts';
import {
  buildAugmentation,
  buildModel,
  buildOptimizer,
  buildScheduler,
  loadBody,
  normalizationOf,
} from './build.ts';
import { openData } from './open-data.ts';
import { parseOptions, type Settings } from './options.ts';

const progress = new ProgressBar();
const print = (line = '') => progress.print(line);

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const { run } = options;
  const checkpoint = run.resume ? await readCheckpoint(run.resume) : null;
  const settings = options.settings ?? (checkpoint?.settings as Settings);
  const { recipe, seed } = settings;
  await using device = disposable(await init({ device: run.device, threads: run.threads, seed }));
  print(`device: ${device.value.name}, ${device.value.description}`);

  const { train, validation, test } = await openData({ ...settings, ...run, size: recipe.size }, progress);
  print(
    `recipe: ${recipe.model} at ${recipe.size}x${recipe.size}, batch ${recipe.batch}, ${recipe.epochs} epochs, ${recipe.optimizer} ${recipe.lr}, schedule ${recipe.schedule.name}, seed ${seed} (${recipe.source})`,
  );
  const model = buildModel(recipe);
  if (settings.pretrained && !checkpoint) await loadPretrained(model, settings);
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0);
  print(`${recipe.model} has ${parameters.toLocaleString('en')} parameters`);

  const loading = { batchSize: recipe.batch, normalization: normalizationOf(recipe.model), seed };
  const { classWeights: within } = recipe;
  const trainLoader = new DataLoader(train, {
    ...loading,
    shuffle: true,
    augment: buildAugmentation(recipe),
    weights: within === 'none' ? undefined : classWeights(train.images, within),
  });
  const optimizer = buildOptimizer(model, recipe);
  const schedule = buildScheduler(optimizer, recipe, trainLoader.length);
  const training: Training = { model, optimizer, scheduler: schedule?.scheduler ?? null };

  const stop = new AbortController();
  process.once('SIGINT', () => {
    print('stopping after this step; Ctrl-C again quits at once');
    stop.abort();
  });
  const result = await fit(model, trainLoader, {
    optimizer,
    ...schedule,
    epochs: recipe.epochs,
    validation: new DataLoader(validation, loading),
    patience: recipe.patience ?? undefined,
    state: await checkpoint?.restore(training),
    onEpoch: async (state) => {
      await saveCheckpoint(join(run.out, 'last.safetensors'), training, state, settings);
      await writeLog(join(run.out, 'log.csv'), state.history);
    },
    progress,
    signal: stop.signal,
    beforeEpoch: settings.pretrained ? (epoch) => thaw(model, epoch, recipe.fineTuning) : undefined,
  });
  if (result.ended === 'aborted') {
    const epochs = result.history.length;
    print(epochs > 0 ? `stopped; go on with --resume ${join(run.out, 'last.safetensors')}` : 'stopped');
    process.exitCode = 130;
    return;
  }
  await saveWeights(join(run.out, 'best.safetensors'), model.stateDict());
  const kept = result.best
    ? `weights of epoch ${result.best.epoch} (least validation loss)`
    : 'no epoch had a finite validation loss; weights of the last epoch';
  print(`${kept}: ${join(run.out, 'best.safetensors')}`);

  const scored = scoreImages(test.images, await evaluate(model, new DataLoader(test, loading)));
  const patients = new Set(test.images.map(({ patient }) => patient)).size;
  print(
    `\ntest is the official valid split: ${test.length} images of ${patients} patients, none of them seen in training`,
  );
  print(describePredictions('test', scored));
}

/** Lets `await using` end a device, its threads included, however the block is left. */
const disposable = (value: Device) => ({ value, [Symbol.asyncDispose]: () => value.dispose() });

async function loadPretrained(model: nn.Module, { pretrained, recipe }: Settings): Promise<void> {
  const path = pretrained === 'imagenet' ? await fetchImagenet(recipe.model) : (pretrained ?? '');
  const weights = await loadWeights(path);
  const missing = loadBody(model, weights);
  for (const value of weights.values()) value.dispose();
  print(`weights of ${path}${missing.length > 0 ? `; starting anew: ${missing.join(', ')}` : ''}`);
}

function fetchImagenet(model: string): Promise<string> {
  if (!(model in IMAGENET_WEIGHTS))
    throw new GradiographError(`--pretrained imagenet: there are none for ${model}`);
  return fetchImagenetWeights(model as PretrainedModel, {
    onProgress: (received, total) =>
      progress.update('fetching', total > 0 ? received / total : 0, `${(received / 2 ** 20).toFixed(1)} MiB`),
  });
}

main().catch((error) => {
  const expected = error instanceof GradiographError || 'syscall' in error;
  if (!expected) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
});
