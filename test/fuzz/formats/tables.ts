/** MURA's lists, and the predictions that a training leaves. */
import { copyFileSync, mkdirSync, mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readPredictions } from '../../../examples/mura/predictions.ts';
import { MuraDataset } from '../../../lib/node.ts';
import type { Format } from '../format.ts';
import { CSV } from '../grammar/csv.ts';

const encode = (...texts: readonly string[]): Uint8Array[] =>
  texts.map((text) => new TextEncoder().encode(text));

const studies = Array.from(
  { length: 12 },
  (_, i) =>
    `valid/XR_${['WRIST', 'ELBOW'][i % 2]}/patient${10000 + i}/study1_${i % 3 ? 'positive' : 'negative'}/`,
);

/** Opens a data set whose `name` is the file. */
const open = (name: string) => {
  let folder: string | null = null;
  return async (_: Uint8Array, path: string): Promise<unknown[]> => {
    folder ??= mkdtempSync(join(dirname(path), 'mura-'));
    mkdirSync(join(folder, 'valid'), { recursive: true });
    copyFileSync(path, join(folder, name));
    const { valid } = await MuraDataset.open(folder);
    return [...valid.images];
  };
};

export const imageList: Format = {
  name: 'csv-images',
  samples: async () =>
    encode(
      studies.map((study) => `MURA-v1.1/${study}image1.png\n`).join(''),
      studies.map((study) => `${study}image2.png,,\r\n`).join(''),
    ),
  mutations: CSV,
  read: open('valid_image_paths.csv'),
};

export const studyList: Format = {
  name: 'csv-studies',
  samples: async () =>
    encode(studies.map((study) => `MURA-v1.1/${study},${study.includes('positive') ? 1 : 0}\n`).join('')),
  mutations: CSV,
  read: open('valid_labeled_studies.csv'),
};

export const predictions: Format = {
  name: 'predictions',
  samples: async () =>
    encode(
      [
        'image,study,region,label,probability\n',
        ...studies.map(
          (study, i) =>
            `${study}image1.png,${study.slice(0, -1)},${['wrist', 'elbow'][i % 2]},${i % 3 ? 1 : 0},${i === 0 ? 'NaN' : i / 13}\n`,
        ),
      ].join(''),
    ),
  mutations: CSV,
  read: async (_, path) => readPredictions(path),
};
