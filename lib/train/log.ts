import { writeToString } from 'fast-csv';
import { writeWhole } from './files.ts';
import type { EpochRecord } from './fit.ts';

/** Writes the history of a training as a CSV file with a header. */
export async function writeLog(path: string, history: readonly EpochRecord[]): Promise<void> {
  const rows = history.map(({ epoch, trainLoss, validation, lr, imagesPerSecond }) => ({
    epoch,
    train_loss: trainLoss,
    ...Object.fromEntries(
      Object.entries(validation ?? {}).map(([name, value]) => [`validation_${name}`, value]),
    ),
    lr,
    images_per_second: imagesPerSecond,
  }));
  await writeWhole(path, await writeToString(rows, { headers: true, includeEndRowDelimiter: true }));
}
