import type { NetworkTask } from '../network.ts';
import type { ConvShape } from '../shapes.ts';

export type ConvPass = 'forward' | 'input grad' | 'weight grad';

/** What contestants are asked to do. Inputs are `noise` of their lengths, in NCHW and OIHW. */
export type Task =
  | { readonly kind: 'gemm'; readonly size: number }
  | { readonly kind: 'conv2d'; readonly pass: ConvPass; readonly shape: ConvShape; readonly batch: number }
  | ({ readonly kind: 'network' } & NetworkTask);

/** Tasks as the coordinator sends them: with the file of the model, for those that run models from files. */
export type TaskWithModel = Task & { readonly model: string };

/** What a contestant says of itself. */
export interface Hello {
  readonly version: string;
  /** Backend and threads, as far as it tells. */
  readonly detail: string;
}

export type Request = { readonly open: TaskWithModel } | { readonly run: number } | { readonly close: true };

export type Reply =
  | { readonly hello: Hello }
  /** Milliseconds of a first run, and of a second; the root mean square of the result, the same for all layouts. */
  | { readonly first: number; readonly second: number; readonly rms: number | null }
  | { readonly cannot: string }
  | { readonly ms: number; readonly residentBytes: number }
  | { readonly closed: true };

/** Before each reply on a contestant's standard output, which libraries write to as well. */
export const MARK = '@gradiograph ';
