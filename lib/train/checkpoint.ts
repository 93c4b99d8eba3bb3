import { FormatError, StateDictError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { checkStateDict } from '../nn/state-dict.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import {
  download,
  type HostTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from '../serialize/safetensors.ts';
import { generator } from '../tensor/random.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { HEADER, type Header, type Place, readHeader, toJson } from './checkpoint-header.ts';
import type { FitState, Schedule, UnfinishedEpoch } from './state.ts';

/** What a training consists of. */
export interface Training {
  /** What is trained. */
  readonly model: Module;
  /** What moves its parameters. */
  readonly optimizer: Optimizer;
  /** What sets the optimiser's learning rates; null for nothing. */
  readonly scheduler: Pick<Schedule, 'stateDict' | 'loadStateDict'> | null;
}

/**
 * Weights, the best weights so far, the states of optimiser, schedule and random generator, the history and where in an
 * epoch the training stands, as one safetensors file.
 * @param settings the program's own, any plain JSON
 */
export async function encodeCheckpoint(
  { model, optimizer, scheduler }: Training,
  { history, best, unfinished }: FitState,
  settings: unknown,
): Promise<Uint8Array> {
  const { tensors, ...options } = optimizer.stateDict();
  const parts: [string, ReadonlyMap<string, HostTensor>][] = [
    ['model', await download(model.stateDict())],
    ['optimizer', await download(tensors)],
    ['best', best?.weights ?? new Map()],
    ['unfinished', unfinished ? resultsOf(unfinished) : new Map()],
  ];
  const state = parts.flatMap(([part, values]) =>
    [...values].map(([name, value]) => [`${part}.${name}`, value] as const),
  );
  const header: Header = {
    settings,
    optimizer: options,
    scheduler: scheduler?.stateDict() ?? null,
    random: generator.state,
    history,
    best: best && { epoch: best.epoch, loss: best.loss },
    unfinished: unfinished && placeOf(unfinished),
  };
  return writeSafetensors(new Map(state), { metadata: { [HEADER]: toJson(header) } });
}

const placeOf = ({ outputs, targets, ...place }: UnfinishedEpoch): Place => place;

/** The outputs and targets of an epoch so far: many numbers, which JSON is no place for. */
const resultsOf = ({ outputs, targets }: UnfinishedEpoch): Map<string, HostTensor> =>
  new Map(Object.entries({ outputs, targets }).map(([name, data]) => [name, { shape: [data.length], data }]));

/** A checkpoint that was read but not yet put into a training. */
export interface Checkpoint {
  /** As they were given to `encodeCheckpoint`. */
  readonly settings: unknown;
  /**
   * Puts model, optimiser, schedule and random generator back; returns what `fit` takes as `state`.
   * @throws StateDictError where the training is of another kind; nothing is changed then
   */
  restore(training: Training): Promise<FitState>;
}

/** @throws FormatError for what `encodeCheckpoint` did not write like that, naming the field at fault */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const json = readSafetensorsMetadata(bytes)[HEADER];
  if (json === undefined) throw new FormatError('holds weights, but is no checkpoint to go on from');
  const header = readHeader(json);
  return {
    settings: header.settings,
    restore: (training) => tidy(() => restore(header, readSafetensors(bytes), training)),
  };
}

async function restore(
  { optimizer, scheduler, random, history, best, unfinished }: Header,
  state: ReadonlyMap<string, Tensor>,
  training: Training,
): Promise<FitState> {
  const part = (prefix: string) =>
    new Map(
      [...state]
        .filter(([name]) => name.startsWith(`${prefix}.`))
        .map(([name, value]) => [name.slice(prefix.length + 1), value]),
    );
  const [weights, bestWeights] = [part('model'), part('best')];
  const options = { ...optimizer, tensors: part('optimizer') };
  const own = training.model.stateDict();
  checkStateDict(own, weights, true);
  if (best) checkStateDict(own, bestWeights, true);
  training.optimizer.checkStateDict(options);
  checkSchedule(scheduler, training.scheduler?.stateDict() ?? null);
  const restored: FitState = {
    history,
    best: best && { ...best, weights: await download(bestWeights) },
    unfinished: unfinished && {
      ...unfinished,
      ...readResults(unfinished.samples, await download(part('unfinished'))),
    },
  };

  // The schedule first: it says what it does not take before it changes anything.
  training.scheduler?.loadStateDict(scheduler as never);
  training.model.loadStateDict(weights);
  training.optimizer.loadStateDict(options);
  generator.state = random;
  return restored;
}

/** @throws FormatError where one of them is missing, or has not as many values for each of the samples */
function readResults(
  samples: number,
  tensors: ReadonlyMap<string, HostTensor>,
): Pick<UnfinishedEpoch, 'outputs' | 'targets'> {
  const [outputs, targets] = ['outputs', 'targets'].map((name) => {
    const tensor = tensors.get(name);
    if (!tensor)
      throw new FormatError(`checkpoint: it stands within an epoch, but has no ${name} of its samples`);
    if (tensor.data.length % samples !== 0)
      throw new FormatError(`checkpoint: it has ${tensor.data.length} ${name} of ${samples} samples`);
    return tensor.data;
  });
  return { outputs, targets };
}

/** @throws StateDictError where one state is that of another kind of schedule, or of none */
function checkSchedule(saved: unknown, own: unknown): void {
  const [has, wants] = [formOf(saved), formOf(own)];
  if (has === wants) return;
  throw new StateDictError(
    saved === null || own === null
      ? `checkpoint: it has ${saved === null ? 'no' : 'a'} schedule, the training has ${own === null ? 'none' : 'one'}`
      : `checkpoint: its schedule's state is ${has.slice(0, 300)}, that of the training's schedule ${wants}`,
  );
}

/** The names in a state and the lengths of its lists, which schedules of one kind share. */
function formOf(state: unknown): string {
  if (Array.isArray(state)) {
    return state.every((item) => typeof item === 'number')
      ? `[${state.length}]`
      : `[${state.map(formOf).join(', ')}]`;
  }
  if (typeof state !== 'object' || state === null) return state === null ? 'null' : '';
  const members = Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{ ${members.map(([name, value]) => `${name}${Array.isArray(value) ? formOf(value) : ''}`).join(', ')} }`;
}
