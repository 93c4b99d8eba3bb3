/** `predictions.csv`: what a model says of each image. */

import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { FormatError } from '../../lib/index.ts';
import {
  formatCsv,
  naming,
  parseCsv,
  REGIONS,
  type Region,
  readers,
  type ScoredImage,
  writeWhole,
} from '../../lib/node.ts';

interface Row {
  /** The image's path below the data set's root. */
  readonly image: string;
  readonly study: string;
  readonly region: string;
  readonly label: string | number;
  readonly probability: string | number;
}

const PATIENT = /\/patient(\d{1,15})\//;

const isProbability = (value: unknown): boolean =>
  value === 'NaN' || (/^[\d.]+(e-?\d+)?$/.test(String(value)) && Number(value) <= 1);

export async function writePredictions(path: string, scored: readonly ScoredImage[]): Promise<void> {
  const rows = scored.map(
    ({ path, study, region, label, score }): Row => ({
      image: `${study}/${basename(path)}`,
      study,
      region,
      label,
      probability: score,
    }),
  );
  await writeWhole(path, await formatCsv(rows));
}

const readRow = readers.object<Pick<Row, 'image' | 'region' | 'label' | 'probability'>>({
  image: readers.reader("the path of an image in a patient's folder", (value) => PATIENT.test(String(value))),
  region: readers.oneOf(REGIONS),
  label: readers.oneOf(['0', '1']),
  probability: readers.reader('a probability from 0 to 1, or NaN', isProbability),
});

/** @throws FormatError naming the file, the line and the field at fault */
export function readPredictions(path: string): Promise<ScoredImage[]> {
  return naming(path, async () => {
    const [header, ...rows] = await parseCsv(await readFile(path));
    if (rows.length === 0) throw new FormatError('holds no predictions');
    return rows.map(({ line, cells }) =>
      scoredOf(Object.fromEntries(header.cells.map((name, i) => [name, cells[i]])), `line ${line}`),
    );
  });
}

function scoredOf(row: unknown, field: string): ScoredImage {
  const { image, label, region, probability } = readRow(row, field);
  const study = dirname(image);
  return {
    path: image,
    split: /^train/.test(image) ? 'train' : 'valid',
    region: region as Region,
    patient: Number(PATIENT.exec(image)?.[1]),
    study,
    label: label === '1' ? 1 : 0,
    score: Number(probability),
  };
}
