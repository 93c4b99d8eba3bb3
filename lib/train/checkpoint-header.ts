/** What a checkpoint says beside its tensors, as JSON in the file's header. */
import { FormatError } from '../errors.ts';
import type { GroupOptions, OptimizerState } from '../optim/optimizer.ts';
import {
  anything,
  count,
  finite,
  fromZero,
  list,
  nullable,
  number,
  object,
  openObject,
  positiveCount,
  type Reader,
  record,
  wholeWithin,
} from '../readers.ts';
import { parseJson } from '../serialize/json.ts';
import type { GeneratorState } from '../tensor/random.ts';
import type { EpochMetrics, EpochRecord, FitState, UnfinishedEpoch } from './state.ts';

export interface Header {
  readonly settings: unknown;
  readonly optimizer: Omit<OptimizerState<GroupOptions>, 'tensors'>;
  readonly scheduler: unknown;
  readonly random: GeneratorState;
  readonly history: FitState['history'];
  readonly best: { readonly epoch: number; readonly loss: number } | null;
  readonly unfinished: Place | null;
}

export type Place = Omit<UnfinishedEpoch, 'outputs' | 'targets'>;

export const HEADER = 'gradiograph_checkpoint';

/** JSON has no NaN and no Infinity, which a metric may well be: they are written as `{ "$number": "NaN" }`. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, item) =>
    typeof item === 'number' && !Number.isFinite(item) ? { $number: String(item) } : item,
  );
const NUMBERS = new Map([NaN, Infinity, -Infinity].map((value) => [String(value), value]));
const fromJson = (text: string): unknown =>
  parseJson(text, (_, item) => NUMBERS.get((item as { $number?: string } | null)?.$number ?? '') ?? item);

const loss = openObject<{ loss: number }>({ loss: number });
const metrics: Reader<EpochMetrics> = (value, field) => ({
  ...record(number)(value, field),
  loss: loss(value, field).loss,
});

const readFields = object<Header>({
  settings: anything,
  optimizer: object<Header['optimizer']>({
    groups: list(
      openObject<GroupOptions & { params: readonly number[] }>({ lr: fromZero, params: list(count) }),
    ),
    steps: list(count),
  }),
  scheduler: anything,
  random: object<GeneratorState>({
    seed: wholeWithin(0, 2 ** 32 - 1),
    stream: wholeWithin(0, 2 ** 32 - 1),
    position: count,
  }),
  history: list(
    object<EpochRecord>({
      epoch: positiveCount,
      train: metrics,
      validation: nullable(metrics),
      lr: finite,
      imagesPerSecond: number,
      dataWait: number,
    }),
  ),
  best: nullable(object({ epoch: positiveCount, loss: number })),
  unfinished: nullable(
    object<Place>({
      batches: positiveCount,
      samples: positiveCount,
      lossSum: number,
      seconds: fromZero,
      dataSeconds: fromZero,
    }),
  ),
});

/** @throws FormatError naming the field at fault */
export function readHeader(json: string): Header {
  const header = readFields(fromJson(json), HEADER);
  const { history, best } = header;
  const odd = history.findIndex(({ epoch }, i) => epoch !== i + 1);
  if (odd >= 0) {
    throw new FormatError(`${HEADER}.history[${odd}].epoch is ${history[odd].epoch}, want ${odd + 1}`);
  }
  if (best && best.epoch > history.length) {
    throw new FormatError(`${HEADER}.best.epoch is ${best.epoch}, the history has ${history.length} epochs`);
  }
  return header;
}
