/** The folder of a run: whose it is, and that one run at a time writes to it. */
import { existsSync, realpathSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GradiographError } from '../../lib/index.ts';
import { lockFolder } from '../../lib/node.ts';
import type { Run } from './options.ts';
import type { Recipe } from './recipes.ts';

const CHECKPOINT = 'last.safetensors';
const RESULT = 'result.json';

/** What a run leaves, the result first: without it a folder holds no finished run. */
const FILES = [
  RESULT,
  'report.html',
  'predictions.csv',
  'validation.csv',
  'best.safetensors',
  CHECKPOINT,
  'log.csv',
];
const NETWORK = /^network-\d+$/;

/** Where a network's checkpoint, log and weights go: each network of an ensemble has a folder of its own. */
export const folderOf = (out: string, { ensemble }: Recipe, member: number): string =>
  ensemble === 1 ? out : join(out, `network-${member + 1}`);

export const checkpointPath = (out: string, recipe: Recipe, member: number): string =>
  join(folderOf(out, recipe, member), CHECKPOINT);

/** The folder of the run that a checkpoint is of. */
export const runFolderOf = (checkpoint: string, { ensemble }: Recipe): string =>
  ensemble === 1 ? dirname(checkpoint) : dirname(dirname(checkpoint));

/**
 * Takes `out` for a run until it is disposed.
 * @throws GradiographError where another run is going on there, or has left its files and `--overwrite` is not given
 */
export async function claimFolder(run: Run, recipe: Recipe): Promise<AsyncDisposable> {
  const lock = await lockFolder(run.out);
  try {
    if (!run.overwrite && !isResumed(run, recipe)) checkFree(run.out);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
  return lock;
}

/** Removes what another run has left in `out`, for `--overwrite`. */
export async function clearFolder(run: Run, recipe: Recipe): Promise<void> {
  if (!run.overwrite || isResumed(run, recipe)) return;
  const networks = (await readdir(run.out)).filter((name) => NETWORK.test(name));
  for (const folder of ['.', ...networks]) {
    for (const name of FILES) await rm(join(run.out, folder, name), { force: true });
  }
}

/** Whether the folder is that of the checkpoint to resume. */
const isResumed = ({ out, resume }: Run, recipe: Recipe): boolean =>
  resume !== null && realpathSync(out) === realpathSync(runFolderOf(resume, recipe));

function checkFree(out: string): void {
  const choices = 'choose another --out, or give --overwrite to replace it';
  if (existsSync(join(out, RESULT))) throw new GradiographError(`${out}: holds a finished run; ${choices}`);
  const checkpoint = ['.', 'network-1'].map((folder) => join(out, folder, CHECKPOINT)).find(existsSync);
  if (checkpoint) {
    throw new GradiographError(
      `${out}: holds a run that has not ended; go on with it by --resume ${checkpoint}, ${choices}`,
    );
  }
}
