/** What a match has found so far, kept in a file: an interrupted run goes on from it, and the page is made of it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../../lib/train/files.ts';
import type { Sample } from '../measure/statistics.ts';
import { flops, type Hello, nameOf, type Task } from './task.ts';

/** What a contestant made of a task: figures, or why there are none. */
export type Cell = Measured | Missing;

export interface Measured {
  /** Of milliseconds. */
  readonly sample: Sample;
  /** It was called once only, so that the figure includes whatever a first call prepares. */
  readonly isFirstCall: boolean;
  /** Of the process at its most; null where it cannot be had. */
  readonly residentBytes: number | null;
  /** Images of a run, of which there may be fewer than the task's. */
  readonly batch: number;
}

export interface Missing {
  readonly note: string;
  /** Seconds in which it was not done, at so many images. */
  readonly seconds?: number;
  readonly batch?: number;
}

export interface Contestant {
  readonly name: string;
  readonly place: 'machine' | 'browser';
  /** What it says of itself, or why it is not there. */
  readonly hello: Hello | string;
}

export interface Row {
  readonly task: Task;
  readonly cells: Readonly<Record<string, Cell>>;
}

/** Figures taken under other conditions do not belong into one record. */
export interface Conditions {
  readonly machine: string;
  readonly threads: number;
  readonly size: number;
}

export interface MatchRecord {
  readonly conditions: Conditions;
  /** When each run that added to it began. */
  readonly starts: string[];
  /** That all runs took together. */
  seconds: number;
  contestants: readonly Contestant[];
  readonly rows: Row[];
}

/** The record in a file, or a new one. @throws Error where it holds figures taken under other conditions */
export async function openRecord(path: string, conditions: Conditions): Promise<MatchRecord> {
  if (!existsSync(path)) return { conditions, starts: [], seconds: 0, contestants: [], rows: [] };
  const record = await readRecord(path);
  if (JSON.stringify(record.conditions) === JSON.stringify(conditions)) return record;
  throw new Error(
    `${path} holds figures of ${JSON.stringify(record.conditions)}, this is ${JSON.stringify(conditions)}: --fresh forgets them`,
  );
}

export const readRecord = async (path: string): Promise<MatchRecord> =>
  JSON.parse(await readFile(path, 'utf8'));

export const saveRecord = (path: string, record: MatchRecord): Promise<void> =>
  writeWhole(path, `${JSON.stringify(record, null, 1)}\n`);

export const rowOf = ({ rows }: MatchRecord, task: Task): Row | undefined =>
  rows.find((row) => nameOf(row.task) === nameOf(task));

/** A task on fewer images. */
export const withBatch = (task: Task, batch: number): Task =>
  task.kind === 'network' ? { ...task, batch } : task;

export const cellOf = ({ cells }: Row, name: string): Cell => cells[name] ?? { note: 'not run' };

export const isMeasured = (cell: Cell): cell is Measured => 'sample' in cell;

/** Operations a second, in 1e9; null where nothing was measured or the task is bound by memory. */
export function gflopsOf(row: Row, name: string): number | null {
  const cell = cellOf(row, name);
  const work = isMeasured(cell) ? flops(withBatch(row.task, cell.batch)) : 0;
  return isMeasured(cell) && work > 0 ? work / cell.sample.median / 1e6 : null;
}
