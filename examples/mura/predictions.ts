/** `predictions.csv`: what a model says of each image. */
import { basename, dirname } from 'node:path';
import { parseFile, writeToString } from 'fast-csv';
import { parseRegion, type ScoredImage, writeWhole } from '../../lib/node.ts';

interface Row {
  /** The image's path below the data set's root. */
  readonly image: string;
  readonly study: string;
  readonly region: string;
  readonly label: string | number;
  readonly probability: string | number;
}

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

export async function readPredictions(path: string): Promise<ScoredImage[]> {
  const scored: ScoredImage[] = [];
  for await (const { image, label, region, probability } of parseFile<Row, Row>(path, { headers: true })) {
    const study = dirname(image);
    scored.push({
      path: image,
      split: /^train/.test(image) ? 'train' : 'valid',
      region: parseRegion(region),
      patient: Number(/patient(\d+)/.exec(study)?.[1]),
      study,
      label: Number(label) === 1 ? 1 : 0,
      score: Number(probability),
    });
  }
  return scored;
}
