import { writeWhole } from '../train/files.ts';
import type { Report } from './page.ts';

export type { Report };

/**
 * Writes an experiment's report, one self-contained page of HTML, to a file, whole or not at all. What draws it is
 * loaded only here, since it takes longer than the rest of the library.
 */
export async function writeReport(path: string, report: Report): Promise<void> {
  const { renderReport } = await import('./page.ts');
  await writeWhole(path, renderReport(report));
}
