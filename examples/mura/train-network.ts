/** One network, from its first weights to its best ones. */
import { join } from 'node:path';
import { GradiographError, type models, seed as seedGenerator } from '../../lib/index.ts';
import {
  type Checkpoint,
  checkpointFile,
  classWeights,
  DataLoader,
  type DataLoaderOptions,
  type FitResult,
  fetchImagenetWeights,
  fit,
  IMAGENET_WEIGHTS,
  loadWeights,
  type MuraDataset,
  type PretrainedModel,
  type ProgressBar,
  type Training,
  unfreezing,
  writeLog,
} from '../../lib/node.ts';
import {
  buildAugmentation,
  buildModel,
  buildOptimizer,
  buildScheduler,
  loadBody,
  normalizationOf,
} from './build.ts';
import { goOn } from './go-on.ts';
import type { Settings } from './options.ts';
import type { Recipe } from './recipes.ts';

export interface Trained extends FitResult {
  readonly model: models.ImageModel;
}

/** How images of a recipe reach the device, in their own order. */
export const loadingOf = (recipe: Recipe): DataLoaderOptions => ({
  batchSize: recipe.batch,
  normalization: normalizationOf(recipe),
});

/** Training images in a new order each epoch, changed and weighted as the recipe says. */
export function trainLoader(set: MuraDataset, recipe: Recipe, seed: number, workers: number): DataLoader {
  const { classWeights: within } = recipe;
  return new DataLoader(set, {
    ...loadingOf(recipe),
    workers,
    seed,
    shuffle: true,
    augment: buildAugmentation(recipe),
    weights: within === 'none' ? undefined : classWeights(set.images, within),
  });
}

/** The network of a recipe with its first weights: drawn, or those it is to start from. */
export async function startModel(
  { recipe, pretrained }: Settings,
  progress: ProgressBar,
): Promise<models.ImageModel> {
  const model = buildModel(recipe);
  if (pretrained === null) return model;
  const path = pretrained === 'imagenet' ? await fetchImagenet(recipe.model, progress) : pretrained;
  const weights = await loadWeights(path);
  const missing = await loadBody(model, weights);
  for (const value of weights.values()) value.dispose();
  progress.print(`weights of ${path}${missing.length > 0 ? `; starting anew: ${missing.join(', ')}` : ''}`);
  return model;
}

/**
 * Trains a network, leaving a checkpoint and a log in `folder` after each epoch.
 * @param seed of weights, order and augmentation: one network of an ensemble differs from the others by it
 * @param checkpoint where to go on from, of the same settings
 */
export async function trainNetwork(
  settings: Settings,
  seed: number,
  sets: { readonly train: MuraDataset; readonly validation: MuraDataset },
  {
    folder,
    checkpoint,
    workers,
    progress,
    signal,
  }: {
    folder: string;
    checkpoint: Checkpoint | null;
    workers: number;
    progress: ProgressBar;
    signal: AbortSignal;
  },
): Promise<Trained> {
  const { recipe, pretrained } = settings;
  seedGenerator(seed);
  const model = await startModel({ ...settings, pretrained: checkpoint ? null : pretrained }, progress);
  await using train = trainLoader(sets.train, recipe, seed, workers);
  await using validation = new DataLoader(sets.validation, { ...loadingOf(recipe), workers });
  const optimizer = buildOptimizer(model, recipe, pretrained !== null);
  const schedule = buildScheduler(optimizer, recipe, Math.ceil(train.length / recipe.accumulate));
  const training: Training = { model, optimizer, scheduler: schedule?.scheduler ?? null };
  const result = await fit(model, train, {
    optimizer,
    ...schedule,
    epochs: recipe.epochs,
    validation,
    patience: recipe.patience ?? undefined,
    accumulate: recipe.accumulate,
    maxGradNorm: recipe.clip ?? undefined,
    mixup: recipe.mixup || undefined,
    state: checkpoint ? await goOn(checkpoint, training, recipe) : undefined,
    callbacks: [
      ...(pretrained ? [unfreezing(model, recipe.fineTuning)] : []),
      { onEpochEnd: ({ history }) => writeLog(join(folder, 'log.csv'), history) },
    ],
    checkpoint: { sink: checkpointFile(join(folder, 'last.safetensors')), settings },
    progress,
    signal,
  });
  optimizer.dispose();
  if (result.ended === 'patience') progress.print(describePatience(result, recipe));
  return { ...result, model };
}

/** Why a training has ended before its last epoch. */
function describePatience({ history }: FitResult, { epochs, patience }: Recipe): string {
  return `ended after epoch ${history.length} of ${epochs}: --patience ${patience} epochs without a lesser validation loss`;
}

function fetchImagenet(model: string, progress: ProgressBar): Promise<string> {
  if (!(model in IMAGENET_WEIGHTS))
    throw new GradiographError(`--pretrained imagenet: there are none for ${model}`);
  return fetchImagenetWeights(model as PretrainedModel, {
    onProgress: (received, total) =>
      progress.update('fetching', total > 0 ? received / total : 0, `${(received / 2 ** 20).toFixed(1)} MiB`),
  });
}
