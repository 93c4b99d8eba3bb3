import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type CsvRow, parseCsv } from '../data/csv.ts';
import { listFiles } from '../data/list-files.ts';
import { naming } from '../data/naming.ts';
import { FormatError, quote } from '../errors.ts';
import { type MuraImage, parseRegion, type Split } from './regions.ts';

const SPLITS: readonly Split[] = ['train', 'valid'];

const STUDY =
  /(?:^|\/)((train|valid)\/XR_([A-Z]+)\/patient(\d{1,15})\/study\d+_(positive|negative))(?:\/([^/]+))?\/?$/;
const IMAGE_NAME = /^[^.].*\.(png|jpe?g)$/i;
/** What Mac OS leaves beside a file. */
const APPLE_DOUBLE = /(^|\/)\._[^/]*$/;
const { compare: compareNaturally } = new Intl.Collator('en', { numeric: true });

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
 * @throws FormatError naming the line for a path that is not MURA's or is there twice, or a label that its folder
 *   contradicts
 */
export async function listImages(root: string, split: Split): Promise<MuraImage[]> {
  const list = join(root, `${split}_image_paths.csv`);
  const images = existsSync(list) ? await readList(list, root, split) : await walk(root, split);
  await checkLabels(join(root, `${split}_labeled_studies.csv`), images);
  return images.sort((a, b) => compareNaturally(a.path, b.path));
}

async function readList(list: string, root: string, split: Split): Promise<MuraImage[]> {
  const rows = await readRows(list);
  const lines = new Map<string, number>();
  return naming(list, () =>
    rows
      .filter(({ cells: [path] }) => !APPLE_DOUBLE.test(path))
      .map(({ line, cells: [path] }) => {
        const image = parsePath(root, split, path);
        if (!image) throw new FormatError(`line ${line}: ${quote(path)} is no image path of '${split}'`);
        const earlier = lines.get(image.path);
        if (earlier !== undefined) {
          throw new FormatError(`line ${line} repeats line ${earlier}: ${quote(path)}`);
        }
        lines.set(image.path, line);
        return image;
      }),
  );
}

async function walk(root: string, split: Split): Promise<MuraImage[]> {
  if (!existsSync(join(root, split))) return [];
  const files = await naming(join(root, split), () => listFiles(join(root, split)));
  return files
    .filter((file) => IMAGE_NAME.test(basename(file)))
    .map((file) => {
      const image = parsePath(root, split, `${split}/${file}`);
      if (!image)
        throw new FormatError(`${join(root, split)}: ${quote(file)} is no image path of '${split}'`);
      return image;
    });
}

function parsePath(root: string, split: Split, path: string): MuraImage | null {
  const match = STUDY.exec(path);
  if (!match?.[6] || match[2] !== split || !IMAGE_NAME.test(match[6])) return null;
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
  const rows = await readRows(file);
  await naming(file, () => {
    for (const { line, cells } of rows) {
      const [path, label] = cells;
      const study = STUDY.exec(path)?.[1];
      if (!study || !['0', '1'].includes(label)) {
        throw new FormatError(`line ${line}: ${quote(cells.join(','))} is no study with 0 or 1`);
      }
      if (labels.has(study) && labels.get(study) !== Number(label)) {
        throw new FormatError(
          `line ${line}: ${quote(path)} has label ${label}, its folder says ${labels.get(study)}`,
        );
      }
    }
  });
}

const readRows = (file: string): Promise<CsvRow[]> =>
  naming(file, async () => parseCsv(await readFile(file)));
