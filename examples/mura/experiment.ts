/** A whole experiment: networks trained by a recipe, a threshold from validation, test figures, and files that say it all. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Device } from '../../lib/index.ts';
import {
  averageEvaluations,
  type Checkpoint,
  chooseGallery,
  DataLoader,
  type Evaluation,
  evaluate,
  type MuraDataset,
  metrics,
  type ProgressBar,
  readCheckpoint,
  type ScoredImage,
  scoreImages,
  writeReport,
  writeWhole,
} from '../../lib/node.ts';
import { describedSettings } from './describe-settings.ts';
import { drawGallery } from './maps.ts';
import { type Measure, measure } from './measures.ts';
import { openData } from './open-data.ts';
import type { Run, Settings } from './options.ts';
import { writePredictions } from './predictions.ts';
import { readSaved } from './read-settings.ts';
import type { Recipe } from './recipes.ts';
import { checkpointPath, claimFolder, clearFolder, folderOf, runFolderOf } from './run-folder.ts';
import { loadingOf, type Trained, trainNetwork } from './train-network.ts';
import { saveNetwork } from './weights.ts';

/** What an experiment found, as `result.json` has it. */
export interface Result {
  readonly settings: Settings;
  readonly device: string;
  /** Probabilities above it count as abnormal: the one of greatest kappa on the validation images. */
  readonly threshold: number;
  readonly networks: readonly {
    readonly seed: number;
    readonly epochs: number;
    readonly best: number | null;
  }[];
  readonly seconds: number;
  /** On the test images. */
  readonly measures: readonly Measure[];
}

export interface Context {
  readonly device: Device;
  readonly progress: ProgressBar;
  readonly signal: AbortSignal;
}

/**
 * @returns the result and the scored test images, or where the signal stopped it the checkpoint to go on from, if there is one
 * @throws GradiographError where another run has the folder, see `claimFolder`
 */
export async function runExperiment(
  settings: Settings,
  run: Run,
  context: Context,
): Promise<{ result: Result; test: readonly ScoredImage[] } | { stopped: string | null }> {
  const start = performance.now();
  const { progress, signal } = context;
  const { recipe, seed } = settings;
  await using _folder = await claimFolder(run, recipe);
  const leftOut = run.resume === null ? null : (await readSaved(run.resume)).leftOut;
  await using data = await openData(settings, { ...run, leftOut, progress, signal });
  await clearFolder(run, recipe);
  progress.print(describeRecipe(settings));
  if (recipe.imagenet && settings.pretrained === null) {
    progress.print(
      'note: the source of this recipe starts from ImageNet weights; --pretrained imagenet fetches them',
    );
  }
  const networks: Trained[] = [];
  try {
    if (run.strict) await data.checked();
    for (let member = 0; member < recipe.ensemble; member++) {
      const trained = await trainNetwork(settings, seed + member, data, {
        folder: folderOf(run.out, recipe, member),
        checkpoint: await checkpointOf(run, recipe, member),
        workers: run.workers,
        progress,
      });
      networks.push(trained);
      if (trained.ended === 'aborted') signal.throwIfAborted();
    }
    await data.checked();
    const { sets, broken } = data;
    const validation = await predict(networks, sets.validation, settings, run, context);
    const test = await predict(networks, sets.test, settings, run, context);
    const threshold = chooseThreshold(validation);
    progress.print(`threshold ${threshold.toFixed(3)}, of greatest kappa on the validation images`);
    const checked = scoreImages(sets.validation.images, validation);
    const scored = scoreImages(sets.test.images, test);
    for (const [member, { model, best }] of networks.entries()) {
      const path = join(folderOf(run.out, recipe, member), 'best.safetensors');
      await saveNetwork(path, model, { recipe, regions: settings.regions, threshold });
      progress.print(
        best
          ? `weights of epoch ${best.epoch} (least validation loss): ${path}`
          : `no epoch had a finite validation loss; weights of the last epoch: ${path}`,
      );
    }
    const device = context.device.description;
    const gallery = await drawGallery(networks[0].model, recipe, chooseGallery(scored, threshold));
    const result: Result = {
      settings,
      device,
      threshold,
      networks: networks.map(({ history, best }, member) => ({
        seed: seed + member,
        epochs: history.length,
        best: best?.epoch ?? null,
      })),
      seconds: (performance.now() - start) / 1000,
      measures: measure(scored, threshold),
    };
    await writeReport(join(run.out, 'report.html'), {
      title: titleOf(settings),
      settings: describedSettings(settings),
      device,
      seconds: result.seconds,
      sets,
      broken,
      networks,
      validation: checked,
      test: scored,
      threshold,
      gallery,
    });
    progress.print(`report: ${join(run.out, 'report.html')}`);
    await writePredictions(join(run.out, 'predictions.csv'), scored);
    await writePredictions(join(run.out, 'validation.csv'), checked);
    await writeWhole(join(run.out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    return { result, test: scored };
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    return { stopped: lastCheckpoint(run.out, recipe) };
  } finally {
    for (const { model } of networks) model.dispose();
  }
}

/** That of the last network that has one. */
function lastCheckpoint(out: string, recipe: Recipe): string | null {
  const paths = Array.from({ length: recipe.ensemble }, (_, member) => checkpointPath(out, recipe, member));
  return paths.findLast((path) => existsSync(path)) ?? null;
}

/** The checkpoint of a network: the one to resume, and of an ensemble all that lie beside it. */
async function checkpointOf({ resume }: Run, recipe: Recipe, member: number): Promise<Checkpoint | null> {
  if (resume === null) return null;
  if (recipe.ensemble === 1) return readCheckpoint(resume);
  const path = checkpointPath(runFolderOf(resume, recipe), recipe, member);
  return existsSync(path) ? readCheckpoint(path) : null;
}

function titleOf({ recipe, data, regions }: Settings): string {
  const scope = regions.length > 0 ? regions.join(', ') : 'all regions';
  return `${recipe.model} on ${data === null ? 'the drawn set' : basename(data)}, ${scope}`;
}

function describeRecipe({ recipe, seed }: Settings): string {
  const { model, size, batch, epochs, optimizer, lr, schedule, ensemble, source } = recipe;
  const networks = ensemble > 1 ? `${ensemble} x ` : '';
  return `recipe: ${networks}${model} at ${size}x${size}, batch ${batch}, ${epochs} epochs, ${optimizer} ${lr}, schedule ${schedule.name}, seed ${seed} (${source})`;
}

/** The mean probabilities of the networks for each image of a set. */
async function predict(
  networks: readonly Trained[],
  set: MuraDataset,
  { recipe }: Settings,
  { workers }: Run,
  { progress, signal }: Context,
): Promise<Evaluation> {
  await using loader = new DataLoader(set, { ...loadingOf(recipe), workers });
  const evaluations: Evaluation[] = [];
  for (const [i, { model }] of networks.entries()) {
    const onBatch = (done: number) => {
      signal.throwIfAborted();
      progress.update(
        'predicting',
        (i + done / set.length) / networks.length,
        `${done}/${set.length} images`,
      );
    };
    evaluations.push(await evaluate(model, loader, { testTimeAugmentation: recipe.tta, onBatch }));
  }
  return averageEvaluations(evaluations);
}

/** 0.5 where the network says nothing that could be ordered. */
const chooseThreshold = ({ labels, scores }: Evaluation): number =>
  scores.some(Number.isNaN) ? 0.5 : metrics.bestThreshold(labels, scores);
