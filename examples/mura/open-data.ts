/** The images that the examples train and test on. */
import { join } from 'node:path';
import { GradiographError } from '../../lib/index.ts';
import {
  assertNoSharedPatients,
  type BrokenImage,
  comparePublishedCounts,
  countRows,
  describeBroken,
  drawMura,
  formatTable,
  MuraDataset,
  type ProgressBar,
} from '../../lib/node.ts';
import { prepareOf } from './build.ts';
import type { Run, Settings } from './options.ts';

/** The share of the training images that is set aside for validation, whole patients at a time. */
const VALIDATION = 0.2;

export interface DataSets {
  /** Free of broken images and of patients in common; test is the official valid split. */
  readonly sets: Readonly<Record<'train' | 'validation' | 'test', MuraDataset>>;
  /** What was left out. */
  readonly broken: readonly BrokenImage[];
}

/** Opens a data set, or draws one, and prints what it has, for the full MURA v1.1 beside the published counts. */
export async function openData(
  { data, regions, seed, recipe }: Settings,
  { out, strict, workers, cache }: Pick<Run, 'out' | 'strict' | 'workers' | 'cache'>,
  progress: ProgressBar,
): Promise<DataSets> {
  const folder = data ?? (await drawSet(join(out, 'drawn'), seed, progress));
  const official = await MuraDataset.open(folder, { prepare: prepareOf(recipe), cacheDir: cache });
  const published = comparePublishedCounts(official);
  if (published) progress.print(formatTable(published));
  const left: BrokenImage[] = [];
  const usable = async (name: string, set: MuraDataset) => {
    const wanted = regions.length > 0 ? set.regions(regions) : set;
    if (wanted.length === 0)
      throw new GradiographError(`${folder}: no images in '${name}' for these regions`);
    const onProgress = (done: number) =>
      progress.update('reading', done / wanted.length, `${done}/${wanted.length} images of ${name}`);
    const { dataset, broken } = await wanted.check({ strict, workers, onProgress });
    if (broken.length > 0) progress.print(`left out of ${name}, ${describeBroken(broken)}`);
    left.push(...broken);
    return dataset;
  };
  const all = await usable('train', official.train);
  const test = await usable('valid', official.valid);
  const [train, validation] = all.split(VALIDATION, seed);
  assertNoSharedPatients({ train: train.images, validation: validation.images, test: test.images });
  const sets = { train, validation, test };
  progress.print(`images of ${folder}:`);
  progress.print(formatTable(countRows(sets)));
  return { sets, broken: left };
}

/** Draws a set below a folder. @returns the folder */
export async function drawSet(folder: string, seed: number, progress: ProgressBar): Promise<string> {
  const onProgress = (done: number, all: number) =>
    progress.update('drawing', done / all, `${done}/${all} studies of the set to train on`);
  const { studies, images } = await drawMura(folder, { seed, onProgress });
  progress.print(`drew ${images} images of ${studies} studies (no patient's data) below ${folder}`);
  return folder;
}
