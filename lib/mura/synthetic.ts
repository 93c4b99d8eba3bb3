import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodePng } from '../data/codecs/encode-png.ts';
import { Generator } from '../tensor/random.ts';
import { drawFault, drawRadiograph, FAULTS } from './radiograph.ts';
import { REGIONS, type Region, type Split } from './regions.ts';
import { skeleton } from './skeleton.ts';

/** The options of `drawMura`. */
export interface SyntheticOptions {
  /** Same seed, same bytes. Default 0. */
  seed?: number;
  /** Patients of each region in `train` and `valid`; default 64 and 16. */
  patients?: Readonly<Record<Split, number>>;
  /** The probability that a study is abnormal; default 0.45. */
  abnormal?: number;
  /** Called after each study with the number of those drawn, and of all. */
  onProgress?: (done: number, all: number) => void;
}

/** What `drawMura` drew. */
export interface DrawnCounts {
  /** Studies, in both splits. */
  readonly studies: number;
  /** Images, in both splits. */
  readonly images: number;
}

interface Study {
  readonly folder: string;
  readonly region: Region;
  readonly patient: number;
  readonly abnormal: boolean;
}

/**
 * Draws a set of radiograph-like PNG files in MURA's layout below `folder/MURA-v1.1`: seven regions, normal studies
 * and abnormal ones (fracture, hardware, lesion: in every view), gray and RGB, mixed sizes, with the four CSV files.
 * No patient's data is in it.
 * @returns how many studies and images it has
 */
export async function drawMura(
  folder: string,
  { seed = 0, patients = { train: 64, valid: 16 }, abnormal = 0.45, onProgress }: SyntheticOptions = {},
): Promise<DrawnCounts> {
  let patient = 0;
  const plans = (['train', 'valid'] as const).map((split) => ({
    split,
    studies: REGIONS.flatMap((region) =>
      Array.from({ length: patients[split] }, () =>
        planPatient(++patient, split, region, seed, abnormal),
      ).flat(),
    ),
  }));
  const all = plans.reduce((sum, { studies }) => sum + studies.length, 0);
  const total = { studies: 0, images: 0 };
  for (const { split, studies } of plans) {
    const images: string[] = [];
    for (const study of studies) {
      images.push(...(await drawStudy(folder, study, seed)));
      onProgress?.(++total.studies, all);
    }
    total.images += images.length;
    const labels = studies.map((study) => `${study.folder}/,${study.abnormal ? 1 : 0}`);
    await writeFile(join(folder, `MURA-v1.1/${split}_image_paths.csv`), `${images.join('\n')}\n`);
    await writeFile(join(folder, `MURA-v1.1/${split}_labeled_studies.csv`), `${labels.join('\n')}\n`);
  }
  return total;
}

/** One or two studies of a patient, the second now and then of another region. */
function planPatient(patient: number, split: Split, region: Region, seed: number, abnormal: number): Study[] {
  const random = new Generator(seed, patient);
  const studies = random.random() < 0.3 ? 2 : 1;
  return Array.from({ length: studies }, (_, i) => {
    const elsewhere = i > 0 && random.random() < 0.3;
    const where = elsewhere ? REGIONS[random.integer(REGIONS.length)] : region;
    const isAbnormal = random.random() < abnormal;
    const number = String(patient).padStart(5, '0');
    const sign = isAbnormal ? 'positive' : 'negative';
    const name = `MURA-v1.1/${split}/XR_${where.toUpperCase()}/patient${number}/study${i + 1}_${sign}`;
    return { folder: name, region: where, patient, abnormal: isAbnormal };
  });
}

/** Draws the one to three views of a study; returns their paths. */
async function drawStudy(folder: string, study: Study, seed: number): Promise<string[]> {
  const random = new Generator(~seed, 2 * study.patient + Number(study.folder.includes('/study2')));
  const bones = skeleton(study.region, random);
  const fault = study.abnormal ? drawFault(bones, FAULTS[random.integer(FAULTS.length)], random) : null;
  const paths = Array.from({ length: 1 + random.integer(3) }, (_, i) => `${study.folder}/image${i + 1}.png`);
  for (const path of paths) {
    const height = 150 + random.integer(70);
    const width = Math.round(height * (0.65 + 0.25 * random.random()));
    const { image } = drawRadiograph(bones, fault, width, height, random);
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, encodePng(image, { rgb: random.random() < 0.25 }));
  }
  return paths;
}
