import { GradiographError } from '../errors.ts';
import { writeWhole } from '../train/files.ts';
import type { Report } from './page.ts';

export type { Report, ReportSet } from './page.ts';
export type { TrainingHistory } from './training.ts';

/**
 * Writes an experiment's report, one self-contained page of HTML, to a file, whole or not at all. Its charts are drawn
 * by the npm packages `@observablehq/plot` and `linkedom`, optional peer dependencies.
 * @throws GradiographError where they are not installed, with the command that installs them
 */
export async function writeReport(path: string, report: Report): Promise<void> {
  const { renderReport } = await loadPage();
  await writeWhole(path, renderReport(report));
}

/** What draws the page is loaded only when there is one to draw: it takes longer than the rest of the library. */
async function loadPage(): Promise<typeof import('./page.ts')> {
  try {
    return await import('./page.ts');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !/@observablehq\/plot|linkedom/.test(message)) throw error;
    throw new GradiographError(
      "writeReport: a report's charts want npm packages that are not installed: npm install @observablehq/plot linkedom",
      { cause: error },
    );
  }
}
