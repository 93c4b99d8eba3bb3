/** What the runner and the processes that it starts tell each other. */
import { join } from 'node:path';
import type { Fault } from './format.ts';

/** Where the input of a finding is kept. */
export const savedAs = ({ save, format, seed }: Pick<Task, 'save' | 'format' | 'seed'>, index: number) =>
  save === null ? null : join(save, `${format}-${seed}-${index}`);

/** What the runner passes on. */
export interface Task {
  /** The module that exports FORMATS. */
  readonly table: string;
  readonly format: string;
  readonly seed: number;
  /** The cases from `first` to `last`, this one left out. */
  readonly first: number;
  readonly last: number;
  readonly seconds: number;
  /** Where each case is written before it is read. */
  readonly folder: string;
  /** Where the input of each finding is kept; null for nowhere. */
  readonly save: string | null;
}

export type Message =
  | { readonly kind: 'finding'; readonly index: number; readonly fault: Fault; readonly detail: string }
  | { readonly kind: 'done'; readonly cases: number; readonly read: number; readonly refused: number };
