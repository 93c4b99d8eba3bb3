/** The study: recipes by regions by seeds, resumable, with tables of results: `npx tsx examples/mura-study.ts --help`. */
import { join } from 'node:path';
import { GradiographError, init } from '../lib/index.ts';
import { catchInterrupt, lockFolder, ProgressBar, writeWhole } from '../lib/node.ts';
import type { Context } from './mura/experiment.ts';
import { drawSet } from './mura/open-data.ts';
import type { Run } from './mura/options.ts';
import { runProgram } from './mura/program.ts';
import { type Cell, cellTitle, type FinishedCell, readCell, runCell } from './mura/study-cells.ts';
import { parseStudy } from './mura/study-options.ts';
import { entriesOf, notesOf, tablesOf, toCsv, toHtml, toMarkdown } from './mura/study-table.ts';

const progress = new ProgressBar();

async function main(): Promise<void> {
  const { data, run, cells: cellsOn } = parseStudy(process.argv);
  await using _folder = await lockFolder(run.out);
  const cells = cellsOn(data ?? (await drawSet(join(run.out, 'drawn'), 0, progress)));
  using interrupt = catchInterrupt(() =>
    progress.print('stopping after this step; Ctrl-C again quits at once'),
  );
  const device = await init({ device: run.device, threads: run.threads });
  try {
    progress.print(`device: ${device.description}`);
    const context = { device, progress, signal: interrupt.signal };
    const { finished, failures } = await runCells(cells, run, context);
    await writeResults(run.out, finished);
    if (interrupt.signal.aborted) progress.print('stopped; run it again to go on');
    const where = finished.length > 0 ? `: ${join(run.out, 'results.md')}` : '';
    progress.print(`\n${finished.length} of ${cells.length} cells are finished${where}`);
    for (const failure of failures) progress.print(failure);
    if (failures.length > 0) process.exitCode = 1;
  } finally {
    await device.dispose();
  }
}

/** Runs the cells that are not finished. One that fails does not keep the others from running. */
async function runCells(cells: readonly Cell[], run: Run, context: Context) {
  const finished: FinishedCell[] = [];
  const failures: string[] = [];
  for (const [i, cell] of cells.entries()) {
    const title = cellTitle(cell);
    try {
      const before = await readCell(cell);
      if (!before && context.signal.aborted) continue;
      progress.print(`\n[${i + 1}/${cells.length}] ${title}${before ? ': finished before' : ''}`);
      const found = before ?? (await runCell(cell, run, context));
      if (found) finished.push(found);
    } catch (error) {
      const failure = `failed: ${title}: ${describeError(error)}`;
      progress.print(failure);
      failures.push(failure);
    }
  }
  return { finished, failures };
}

async function writeResults(out: string, finished: readonly FinishedCell[]): Promise<void> {
  if (finished.length === 0) return;
  const entries = entriesOf(finished);
  const [tables, notes] = [tablesOf(entries), notesOf(entries)];
  const title = 'Abnormality detection on MURA: from scratch, ResNet, DenseNet';
  await writeWhole(join(out, 'results.csv'), await toCsv(entries));
  await writeWhole(join(out, 'results.md'), toMarkdown(title, tables, notes));
  await writeWhole(join(out, 'results.html'), toHtml(title, tables, notes));
}

/** The message of an error that was foreseen, all there is of another. */
const describeError = (error: unknown): string =>
  error instanceof GradiographError
    ? `${error.name}: ${error.message}`
    : String(error instanceof Error ? error.stack : error);

runProgram(main);
