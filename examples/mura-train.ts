/** Trains a network on MURA, or on a drawn set in its layout: `npm run mura`, `npx tsx examples/mura-train.ts --help`. */
import { type Device, FormatError, init } from '../lib/index.ts';
import { catchInterrupt, describePredictions, ProgressBar } from '../lib/node.ts';
import { runExperiment } from './mura/experiment.ts';
import { findRate } from './mura/find-rate.ts';
import { DEFAULT_OUT, parseOptions, type Run, type Settings } from './mura/options.ts';
import { runProgram } from './mura/program.ts';
import { readSaved } from './mura/read-settings.ts';
import type { Recipe } from './mura/recipes.ts';
import { runFolderOf } from './mura/run-folder.ts';

async function main(): Promise<void> {
  const { settings: given, lengthen, run: told, out, findLr } = parseOptions(process.argv);
  const { resume } = told;
  const settings = given ?? (await resumedSettings(resume ?? '', lengthen));
  const own = resume === null ? DEFAULT_OUT : runFolderOf(resume, settings.recipe);
  const run: Run = { ...told, out: out ?? own };
  const progress = new ProgressBar();
  using interrupt = catchInterrupt(() =>
    progress.print('stopping after this step; Ctrl-C again quits at once'),
  );
  await using device = disposable(
    await init({ device: run.device, threads: run.threads, seed: settings.seed }),
  );
  progress.print(`device: ${device.value.description}`);
  const context = { device: device.value, progress, signal: interrupt.signal };
  if (findLr) {
    await findRate(settings, run, context).catch((error) => {
      if (error !== interrupt.signal.reason) throw error;
      progress.print('stopped');
    });
    return;
  }
  const found = await runExperiment(settings, run, context);
  if ('stopped' in found) {
    progress.print(found.stopped ? `stopped; go on with --resume ${found.stopped}` : 'stopped');
    return;
  }
  const { result, test } = found;
  const patients = new Set(test.map(({ patient }) => patient)).size;
  progress.print(
    `\ntest is the official valid split: ${test.length} images of ${patients} patients, none of them seen in training`,
  );
  progress.print(describePredictions('test', test, result.threshold));
}

/** What the training of a checkpoint was told. @throws FormatError naming the file and the field at fault */
async function resumedSettings(path: string, lengthen: (recipe: Recipe) => Recipe): Promise<Settings> {
  try {
    const { leftOut, ...saved } = await readSaved(path);
    return { ...saved, recipe: lengthen(saved.recipe) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`--resume: ${error.message}; it wants the last.safetensors of a run`, {
      cause: error,
    });
  }
}

/** Lets `await using` end a device, its threads included, however the block is left. */
const disposable = (value: Device) => ({ value, [Symbol.asyncDispose]: () => value.dispose() });

runProgram(main);
