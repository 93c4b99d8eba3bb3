import { formatCsv } from '../data/csv.ts';
import { writeWhole } from './files.ts';
import type { EpochMetrics, EpochRecord } from './state.ts';

/** Writes the history of a training as a CSV file with a header. */
export async function writeLog(path: string, history: readonly EpochRecord[]): Promise<void> {
  const rows = history.map(({ epoch, train, validation, lr, imagesPerSecond, dataWait }) => ({
    epoch,
    ...columns('train', train),
    ...(validation && columns('validation', validation)),
    lr,
    images_per_second: imagesPerSecond,
    data_wait: dataWait,
  }));
  await writeWhole(path, await formatCsv(rows));
}

const columns = (part: string, metrics: EpochMetrics) =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${part}_${name}`, value]));
