/** The images that the examples train and test on. */
import { join } from 'node:path';
import { GradiographError } from '../lib/index.ts';
import {
  assertNoSharedPatients,
  countRows,
  describeBroken,
  drawMura,
  formatTable,
  MuraDataset,
  type ProgressBar,
  type Region,
  transforms,
} from '../lib/node.ts';

/** The share of the training images that is set aside for validation, whole patients at a time. */
const VALIDATION = 0.2;

export interface DataOptions {
  /** A folder in MURA's layout; null draws one below `out`. */
  readonly data: string | null;
  /** None for all. */
  readonly regions: readonly Region[];
  /** Of the split and the drawn set. */
  readonly seed: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly out: string;
  /** Whether a broken image is an error. */
  readonly strict: boolean;
}

/** The three sets, free of broken images and of patients in common. */
export async function openData(
  { data, regions, seed, size, out, strict }: DataOptions,
  progress: ProgressBar,
) {
  const folder = data ?? (await drawSet(join(out, 'drawn'), seed, progress));
  const official = await MuraDataset.open(folder, { prepare: transforms.resize(size) });
  const usable = async (name: string, set: MuraDataset) => {
    const wanted = regions.length > 0 ? set.regions(regions) : set;
    if (wanted.length === 0)
      throw new GradiographError(`${folder}: no images in '${name}' for these regions`);
    const onProgress = (done: number) =>
      progress.update('reading', done / wanted.length, `${done}/${wanted.length} images of ${name}`);
    const { dataset, broken } = await wanted.check({ strict, onProgress });
    if (broken.length > 0) progress.print(`left out of ${name}, ${describeBroken(broken)}`);
    return dataset;
  };
  const train = await usable('train', official.train);
  const test = await usable('valid', official.valid);
  const [rest, validation] = train.split(VALIDATION, seed);
  const sets = { train: rest, validation, test };
  assertNoSharedPatients({ train: rest.images, validation: validation.images, test: test.images });
  progress.print(`images of ${folder}:`);
  progress.print(formatTable(countRows(sets)));
  return sets;
}

async function drawSet(folder: string, seed: number, progress: ProgressBar): Promise<string> {
  const { studies, images } = await drawMura(folder, { seed });
  progress.print(`drew ${images} images of ${studies} studies (no patient's data) below ${folder}`);
  return folder;
}
