import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseFile } from 'fast-csv';
import { FormatError, GradiographError } from '../errors.ts';

export const REGIONS = ['elbow', 'finger', 'forearm', 'hand', 'humerus', 'shoulder', 'wrist'] as const;
export type Region = (typeof REGIONS)[number];

const SPLITS = ['train', 'valid'] as const;
export type Split = (typeof SPLITS)[number];

/** One image of MURA, as its path tells: `{split}/XR_{REGION}/patientNNNNN/studyK_{positive,negative}/imageM.png`. */
export interface MuraImage {
  readonly path: string;
  readonly split: Split;
  readonly region: Region;
  readonly patient: number;
  /** The study's folder below the root: one examination of one patient, with one label for all its images. */
  readonly study: string;
  /** 1 is abnormal ("positive"). */
  readonly label: 0 | 1;
}

const STUDY =
  /(?:^|\/)((train|valid)\/XR_([A-Z]+)\/patient(\d+)\/study\d+_(positive|negative))(?:\/([^/]+))?\/?$/;
const IMAGE_NAME = /^[^.].*\.(png|jpe?g)$/i;

/** A region by its name, `XR_` and capitals allowed. @throws GradiographError listing the seven */
export function parseRegion(name: string): Region {
  const region = name.toLowerCase().replace(/^xr_/, '') as Region;
  if (!REGIONS.includes(region)) {
    throw new GradiographError(`region: '${name}' is none of ${REGIONS.join(', ')}`);
  }
  return region;
}

/** The folder at or below `folder` that holds `train` and `valid`: the archive nests `MURA-v1.1/MURA-v1.1`. */
export function findRoot(folder: string): string {
  const candidates = ['', 'MURA-v1.1', 'MURA-v1.1/MURA-v1.1'].map((below) => join(folder, below));
  const root = candidates.find((candidate) => SPLITS.some((split) => existsSync(join(candidate, split))));
  if (!root) {
    throw new FormatError(
      `${folder}: no MURA data set: wants folders 'train' and 'valid' there, or in MURA-v1.1 below`,
    );
  }
  return root;
}

/**
 * Every image of a split, in the order of regions, patients, studies and images. `{split}_image_paths.csv` says which
 * files belong to it; without it the folders do. AppleDouble files (`._*`) are no images.
 * @throws FormatError naming the row for a path that is not MURA's, or a label that its folder contradicts
 */
export async function listImages(root: string, split: Split): Promise<MuraImage[]> {
  const list = join(root, `${split}_image_paths.csv`);
  const paths = existsSync(list) ? (await readRows(list)).map(([path]) => path) : await walk(root, split);
  const images = paths
    .filter((path) => IMAGE_NAME.test(basename(path)))
    .map((path) => parsePath(root, split, path, list));
  await checkLabels(join(root, `${split}_labeled_studies.csv`), images);
  return images.sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

async function walk(root: string, split: Split): Promise<string[]> {
  if (!existsSync(join(root, split))) return [];
  const files = await readdir(join(root, split), { recursive: true });
  return files.map((file) => `${split}/${file.replaceAll('\\', '/')}`);
}

function parsePath(root: string, split: Split, path: string, list: string): MuraImage {
  const match = STUDY.exec(path);
  if (!match?.[6] || match[2] !== split)
    throw new FormatError(`${list}: '${path}' is no image path of '${split}'`);
  const [, study, , region, patient, sign, name] = match;
  return {
    path: join(root, study, name),
    split,
    region: parseRegion(region),
    patient: Number(patient),
    study,
    label: sign === 'positive' ? 1 : 0,
  };
}

/** Compares the labels of `{split}_labeled_studies.csv`, where there is one, with those of the folders' names. */
async function checkLabels(file: string, images: readonly MuraImage[]): Promise<void> {
  if (!existsSync(file)) return;
  const labels = new Map(images.map(({ study, label }) => [study, label]));
  for (const [path, label] of await readRows(file)) {
    const study = STUDY.exec(path)?.[1];
    if (!study || !['0', '1'].includes(label))
      throw new FormatError(`${file}: '${path},${label}' is no study with 0 or 1`);
    if (labels.has(study) && labels.get(study) !== Number(label)) {
      throw new FormatError(`${file}: '${path}' has label ${label}, its folder says ${labels.get(study)}`);
    }
  }
}

async function readRows(file: string): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const row of parseFile(file, { headers: false, ignoreEmpty: true, trim: true })) rows.push(row);
  return rows;
}
