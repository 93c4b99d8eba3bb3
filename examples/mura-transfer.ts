/**
 * What transfer learning is worth: a network learns on one half of the regions, is saved, loaded under a new head and
 * fitted to the other half, beside the same network from scratch after as many epochs.
 *
 *     npx tsx examples/mura-transfer.ts
 */
import { join } from 'node:path';
import { type DeviceChoice, init, seed } from '../lib/index.ts';
import {
  BROKEN_PIPE,
  DataLoader,
  evaluate,
  fit,
  formatTable,
  loadWeights,
  lockFolder,
  metrics,
  ProgressBar,
  REGIONS,
  type Region,
  saveWeights,
  surviveOutput,
  unfreezing,
} from '../lib/node.ts';
import {
  buildAugmentation,
  buildModel,
  buildOptimizer,
  buildScheduler,
  loadBody,
  normalizationOf,
} from './mura/build.ts';
import { count } from './mura/flag-values.ts';
import { openData } from './mura/open-data.ts';
import { dataOption, deviceOptions } from './mura/options.ts';
import { flagOf, newProgram, runProgram } from './mura/program.ts';
import { RECIPES, type Recipe } from './mura/recipes.ts';

const SOURCE: readonly Region[] = REGIONS.slice(0, 4);
const TARGET: readonly Region[] = REGIONS.slice(4);

interface Flags {
  readonly data?: string;
  readonly epochs: number;
  readonly out: string;
  readonly device: DeviceChoice;
  readonly threads?: number;
}

const program = newProgram(
  'mura-transfer',
  'Trains on one half of the regions, fine-tunes on the other, and compares with training from scratch.',
)
  .addOption(dataOption())
  .addOption(
    flagOf('Training:', '--epochs <n>', 'passes over the target regions, for both networks')
      .argParser(count)
      .default(4),
  )
  .addOption(flagOf('Files:', '--out <folder>', 'where the weights go').default('runs/transfer'));
for (const option of deviceOptions()) program.addOption(option);
const { data, epochs, out, device, threads } = program.parse().opts<Flags>();

const recipe: Recipe = {
  ...RECIPES.quick,
  fineTuning: { frozenEpochs: 1, gradual: false, layerDecay: 1 },
};
const progress = new ProgressBar();
const { signal } = new AbortController();

/** Trains a network on some regions, from weights if they are given; returns it and its figures on their test images. */
async function train(regions: readonly Region[], epochs: number, weights: string | null) {
  seed(1);
  await using opened = await openData(
    { data: data ?? null, regions, pretrained: weights, seed: 0, recipe },
    { out, strict: false, workers: 0, cache: null, leftOut: null, progress, signal },
  );
  await opened.checked();
  const { sets } = opened;
  const loading = { batchSize: recipe.batch, normalization: normalizationOf(recipe), seed: 0 };
  const loader = new DataLoader(sets.train, {
    ...loading,
    shuffle: true,
    augment: buildAugmentation(recipe),
  });
  const model = buildModel(recipe);
  if (weights) {
    const loaded = await loadWeights(weights);
    for (const name of loaded.keys()) if (name.startsWith('classifier.fc2')) loaded.delete(name);
    progress.print(`new head: ${(await loadBody(model, loaded)).join(', ')}`);
  }
  const optimizer = buildOptimizer(model, recipe, weights !== null);
  await fit(model, loader, {
    optimizer,
    ...buildScheduler(optimizer, { ...recipe, epochs }, loader.length),
    epochs,
    validation: new DataLoader(sets.validation, loading),
    callbacks: weights ? [unfreezing(model, recipe.fineTuning)] : [],
    progress,
  });
  const { labels, scores } = await evaluate(model, new DataLoader(sets.test, loading));
  return { model, ...metrics.computeMetrics(labels, scores) };
}

async function main(): Promise<void> {
  surviveOutput(() => process.exit(BROKEN_PIPE));
  await using _folder = await lockFolder(out);
  const opened = await init({ device, threads, seed: 0 });
  progress.print(`device: ${opened.description}`);
  const path = join(out, 'source.safetensors');

  progress.print(`\nsource regions: ${SOURCE.join(', ')}`);
  const source = await train(SOURCE, recipe.epochs, null);
  await saveWeights(path, source.model.stateDict());

  progress.print(`\ntarget regions from scratch: ${TARGET.join(', ')}`);
  const scratch = await train(TARGET, epochs, null);
  progress.print(`\ntarget regions from ${path}`);
  const transfer = await train(TARGET, epochs, path);

  const row = (name: string, { accuracy, kappa, auroc }: typeof scratch) => [
    name,
    ...[accuracy, kappa, auroc].map((value) => value.toFixed(3)),
  ];
  progress.print(`\ntest images of ${TARGET.join(', ')}, ${scratch.n} of them, after ${epochs} epochs:`);
  progress.print(
    formatTable([
      ['', 'accuracy', 'kappa', 'AUROC'],
      row('from scratch', scratch),
      row('transfer', transfer),
    ]),
  );
  await opened.dispose();
}

runProgram(main);
