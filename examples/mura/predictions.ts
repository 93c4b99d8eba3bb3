/** `predictions.csv`: what a model says of each image. */
import { basename, dirname } from 'node:path';
import { parseFile, writeToString } from 'fast-csv';
import { FormatError } from '../../lib/index.ts';
import { naming, REGIONS, type Region, readers, type ScoredImage, writeWhole } from '../../lib/node.ts';

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
  await writeWhole(path, await writeToString(rows, { headers: true, includeEndRowDelimiter: true }));
}

const readRow = readers.object<Pick<Row, 'image' | 'region' | 'label' | 'probability'>>({
  image: readers.reader("the path of an image in a patient's folder", (value) => PATIENT.test(String(value))),
  region: readers.oneOf(REGIONS),
  label: readers.oneOf(['0', '1']),
  probability: readers.reader('a probability from 0 to 1, or NaN', isProbability),
});

/** @throws FormatError naming the file, the row and the field at fault */
export async function readPredictions(path: string): Promise<ScoredImage[]> {
  const rows: Row[] = [];
  try {
    for await (const row of parseFile<Row, Row>(path, { headers: true })) rows.push(row);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    throw new FormatError(`${path}: no table of predictions: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
  if (rows.length === 0) throw new FormatError(`${path}: holds no predictions`);
  return naming(path, () => rows.map(scoredOf));
}

function scoredOf(row: Row, i: number): ScoredImage {
  const { image, label, region, probability } = readRow(row, `row ${i + 1}`);
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
