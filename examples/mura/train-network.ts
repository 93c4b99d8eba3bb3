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
import type { CheckedData, TrainingSets } from './checked-data.ts';
import { goOn } from './go-on.ts';
import type { Settings } from './options.ts';
import type { SavedSettings } from './read-settings.ts';
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

interface TrainingRun {
  readonly folder: string;
  /** Where to go on from, of the same settings. */
  readonly checkpoint: Checkpoint | null;
  readonly workers: number;
  readonly progress: ProgressBar;
}

/**
 * Trains a network, leaving a checkpoint and a log in `folder` after each epoch.
 * @param seed of weights, order and augmentation: one network of an ensemble differs from the others by it
 * @param data its files may still be read: where one is found to be broken, the training begins again
 */
export async function trainNetwork(
  settings: Settings,
  seed: number,
  data: CheckedData,
  run: TrainingRun,
): Promise<Trained> {
  for (let { checkpoint } = run; ; checkpoint = null) {
    seedGenerator(seed);
    const pretrained = checkpoint ? null : settings.pretrained;
    const model = await startModel({ ...settings, pretrained }, run.progress);
    try {
      const result = await data.train((sets, signal) =>
        fitModel(model, settings, seed, data, sets, { ...run, checkpoint, signal }),
      );
      if (result?.ended === 'patience') run.progress.print(describePatience(result, settings.recipe));
      if (result) return { ...result, model };
    } catch (error) {
      model.dispose();
      throw error;
    }
    model.dispose();
  }
}

async function fitModel(
  model: models.ImageModel,
  { recipe, ...settings }: Settings,
  seed: number,
  data: CheckedData,
  sets: TrainingSets,
  { folder, checkpoint, workers, progress, signal }: TrainingRun & { readonly signal: AbortSignal },
): Promise<FitResult> {
  await using train = trainLoader(sets.train, recipe, seed, workers);
  await using validation = new DataLoader(sets.validation, { ...loadingOf(recipe), workers });
  const isPretrained = settings.pretrained !== null;
  const optimizer = buildOptimizer(model, recipe, isPretrained);
  const schedule = buildScheduler(optimizer, recipe, Math.ceil(train.length / recipe.accumulate));
  const training: Training = { model, optimizer, scheduler: schedule?.scheduler ?? null };
  const saved: SavedSettings = {
    ...settings,
    recipe,
    get leftOut() {
      return data.leftOut(sets);
    },
  };
  try {
    return await fit(model, train, {
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
        ...(isPretrained ? [unfreezing(model, recipe.fineTuning)] : []),
        { onEpochEnd: () => data.confirm(sets) },
        { onEpochEnd: ({ history }) => writeLog(join(folder, 'log.csv'), history) },
      ],
      checkpoint: { sink: checkpointFile(join(folder, 'last.safetensors')), settings: saved },
      progress,
      signal,
    });
  } finally {
    optimizer.dispose();
  }
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
