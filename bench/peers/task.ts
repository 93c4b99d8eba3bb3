import { flopsOf, type NetworkTask } from '../workload/networks.ts';
import { type KernelTask, nameOfKernel } from '../workload/tasks.ts';

/** What contestants are asked to do. */
export type Task = ({ readonly kind: 'kernel' } & KernelTask) | ({ readonly kind: 'network' } & NetworkTask);

/** Tasks as the coordinator sends them: with the file of the model, for those that run models from files. */
export type TaskWithModel = Task & { readonly model: string };

export const flops = (task: Task): number => (task.kind === 'network' ? flopsOf(task) : task.flops);

export const nameOf = (task: Task): string =>
  task.kind === 'kernel' ? nameOfKernel(task) : `${task.network} ${task.mode}, batch ${task.batch}`;

/** What a contestant says of itself. */
export interface Hello {
  readonly version: string;
  /** Backend, engine and threads, as far as it tells. */
  readonly detail: string;
}

export type Request = { readonly open: TaskWithModel } | { readonly run: number } | { readonly close: true };

export type Reply =
  | { readonly hello: Hello }
  /** Milliseconds of the first run; the root mean square of its result, the same for all layouts; peak memory. */
  | { readonly first: number; readonly rms: number | null; readonly residentBytes: number | null }
  | { readonly cannot: string }
  /** Milliseconds of each of the runs asked for, on average. */
  | { readonly ms: number; readonly residentBytes: number | null }
  | { readonly closed: true };

/** Before each reply on a contestant's standard output, which libraries write to as well. */
export const MARK = '@gradiograph ';
