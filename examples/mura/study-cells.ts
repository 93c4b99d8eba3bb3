/** The cells of a study: one experiment each, in a folder of its own that tells how far it is. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FormatError, GradiographError } from '../../lib/index.ts';
import { naming, parseJson, type Region, type ScoredImage } from '../../lib/node.ts';
import { type Context, type Result, runExperiment } from './experiment.ts';
import type { Run, Settings } from './options.ts';
import { readPredictions } from './predictions.ts';
import { readResult } from './read-result.ts';
import { readSaved } from './read-settings.ts';
import type { RecipeName } from './recipes.ts';
import { checkpointPath } from './run-folder.ts';

/** One model for all regions, or that of one region. */
export type Scope = 'unified' | Region;

export interface Cell {
  readonly recipe: RecipeName;
  readonly scope: Scope;
  readonly settings: Settings;
  readonly folder: string;
}

export interface FinishedCell extends Cell {
  readonly result: Result;
  readonly test: readonly ScoredImage[];
}

export const cellTitle = ({ recipe, scope, settings }: Cell): string =>
  `${recipe}, ${scope}, seed ${settings.seed}`;

/** A cell whose experiment has ended, as its folder has it; null for another. */
export async function readCell(cell: Cell): Promise<FinishedCell | null> {
  const path = join(cell.folder, 'result.json');
  if (!existsSync(path)) return null;
  const text = await readFile(path, 'utf8');
  const result = await naming(path, () => readResult(parseJson(text), 'result'));
  checkSettings(cell, result.settings);
  const predictions = join(cell.folder, 'predictions.csv');
  const test = await readPredictions(predictions);
  const counted = result.measures.find(({ unit, region }) => unit === 'image' && region === 'all')?.n;
  if (test.length !== counted) {
    throw new FormatError(`${predictions}: holds ${test.length} images, ${path} counts ${counted ?? 'none'}`);
  }
  return { ...cell, result, test };
}

/**
 * Runs a cell, from its checkpoint where it has one.
 * @returns null where the signal stopped it
 * @throws GradiographError where its folder holds the beginning of another experiment
 */
export async function runCell(cell: Cell, run: Run, context: Context): Promise<FinishedCell | null> {
  const checkpoint = checkpointPath(cell.folder, cell.settings.recipe, 0);
  const resume = existsSync(checkpoint) ? checkpoint : null;
  if (resume) {
    const { leftOut, ...settings } = await readSaved(resume);
    checkSettings(cell, settings);
  }
  const found = await runExperiment(cell.settings, { ...run, out: cell.folder, resume }, context);
  return 'stopped' in found ? null : { ...cell, ...found };
}

function checkSettings(cell: Cell, saved: unknown): void {
  if (isDeepStrictEqual(JSON.parse(JSON.stringify(cell.settings)), saved)) return;
  throw new GradiographError(
    `${cell.folder}: holds this cell with other settings; give the same flags as then, choose another --out, or remove the folder`,
  );
}
