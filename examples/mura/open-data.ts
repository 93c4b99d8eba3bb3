/** The images that the examples train and test on. */
import { join } from 'node:path';
import { GradiographError } from '../../lib/index.ts';
import {
  assertNoSharedPatients,
  comparePublishedCounts,
  countRows,
  drawMura,
  formatTable,
  MuraDataset,
  type ProgressBar,
} from '../../lib/node.ts';
import { prepareOf } from './build.ts';
import { CheckedData } from './checked-data.ts';
import type { Run, Settings } from './options.ts';

/** The share of the training images that is set aside for validation, whole patients at a time. */
const VALIDATION = 0.2;

export interface OpenOptions extends Pick<Run, 'out' | 'strict' | 'workers' | 'cache'> {
  /** What a resumed training was begun without, see `CheckedData`; null for a new one. */
  readonly leftOut: readonly string[] | null;
  readonly progress: ProgressBar;
  readonly signal: AbortSignal;
}

/**
 * Opens a data set, or draws one, and prints what it lists, for the full MURA v1.1 beside the published counts. Its files
 * are read behind what follows.
 */
export async function openData(
  { data, regions, seed, recipe }: Settings,
  { out, cache, ...options }: OpenOptions,
): Promise<CheckedData> {
  const { progress } = options;
  const folder = data ?? (await drawSet(join(out, 'drawn'), seed, progress));
  const official = await MuraDataset.open(folder, { prepare: prepareOf(recipe), cacheDir: cache });
  const published = comparePublishedCounts(official);
  if (published) progress.print(formatTable(published));
  const wanted = (name: 'train' | 'valid') => {
    const set = regions.length > 0 ? official[name].regions(regions) : official[name];
    if (set.length === 0) throw new GradiographError(`${folder}: no images in '${name}' for these regions`);
    return set;
  };
  const listed = { train: wanted('train'), valid: wanted('valid') };
  const split = (images: MuraDataset) => {
    const [train, validation] = images.split(VALIDATION, seed);
    assertNoSharedPatients({ train: train.images, validation: validation.images, test: listed.valid.images });
    return { train, validation };
  };
  const opened = new CheckedData({ ...options, listed, split });
  progress.print(`images of ${folder}:`);
  progress.print(formatTable(countRows(opened.sets)));
  return opened;
}

/** Draws a set below a folder. @returns the folder */
export async function drawSet(folder: string, seed: number, progress: ProgressBar): Promise<string> {
  const onProgress = (done: number, all: number) =>
    progress.update('drawing', done / all, `${done}/${all} studies of the set to train on`);
  const { studies, images } = await drawMura(folder, { seed, onProgress });
  progress.print(`drew ${images} images of ${studies} studies (no patient's data) below ${folder}`);
  return folder;
}
