/** Recipes and settings as files have them, held to what the flags would take. */
import { type FineTuning, naming, REGIONS, readCheckpoint, readers } from '../../lib/node.ts';
import type { Settings } from './options.ts';
import {
  type HeadLayer,
  MAX_HEAD_LAYERS,
  MAX_SIZE,
  MAX_WIDTH,
  MODELS,
  OPTIMIZERS,
  type Recipe,
  SCHEDULES,
  type Schedule,
  type ScheduleName,
} from './recipes.ts';

const {
  between,
  count,
  flag,
  fromZero,
  list,
  nullable,
  object,
  oneOf,
  positive,
  positiveCount,
  text,
  wholeWithin,
  within,
} = readers;
type Reader<T> = readers.Reader<T>;

const share = between(0, 1);

const width = wholeWithin(1, MAX_WIDTH);
const dropout = object<{ dropout: number }>({ dropout: share });
const relu = readers.reader<'relu'>("a width, 'relu' or an object with dropout", (value) => value === 'relu');
const headLayer: Reader<HeadLayer> = (value, field) => {
  if (typeof value === 'number') return width(value, field);
  return typeof value === 'object' ? dropout(value, field) : relu(value, field);
};
const headSize = readers.reader<readonly unknown[]>(
  `a list of at most ${MAX_HEAD_LAYERS} layers`,
  (value) => Array.isArray(value) && value.length <= MAX_HEAD_LAYERS,
);
const head: Reader<HeadLayer[]> = (value, field) => list(headLayer)(headSize(value, field), field);

type Parameters<Name extends ScheduleName> = Omit<Extract<Schedule, { name: Name }>, 'name'>;

const PARAMETERS: { readonly [Name in ScheduleName]: Reader<Parameters<Name>> } = {
  constant: object({}),
  step: object<Parameters<'step'>>({ stepSize: positiveCount, gamma: share }),
  multiStep: object<Parameters<'multiStep'>>({ milestones: list(positiveCount), gamma: share }),
  exponential: object<Parameters<'exponential'>>({ gamma: share }),
  cosine: object<Parameters<'cosine'>>({ etaMin: fromZero }),
  oneCycle: object<Parameters<'oneCycle'>>({ pctStart: share }),
  plateau: object<Parameters<'plateau'>>({ factor: share, patience: count }),
};
const named = object<{ name: ScheduleName }>({ name: oneOf(Object.keys(SCHEDULES) as ScheduleName[]) });
const schedule: Reader<Schedule> = (value, field) => {
  const { name } = named(value, field);
  return { name, ...PARAMETERS[name](value, field) } as Schedule;
};

export const readRecipe = object<Recipe>({
  source: text,
  imagenet: flag,
  model: oneOf(MODELS),
  batchNorm: flag,
  head: nullable(head),
  channels: oneOf([1, 3]),
  size: wholeWithin(1, MAX_SIZE),
  fit: oneOf(['squash', 'pad']),
  batch: positiveCount,
  accumulate: positiveCount,
  epochs: positiveCount,
  optimizer: oneOf(OPTIMIZERS),
  lr: positive,
  momentum: fromZero,
  weightDecay: fromZero,
  schedule,
  warmup: count,
  patience: nullable(positiveCount),
  classWeights: oneOf(['none', 'set', 'region']),
  clip: nullable(positive),
  mixup: fromZero,
  flip: flag,
  rotation: fromZero,
  shift: fromZero,
  brightness: fromZero,
  contrast: fromZero,
  tta: flag,
  ensemble: positiveCount,
  fineTuning: object<FineTuning>({ frozenEpochs: count, gradual: flag, layerDecay: within(0, 1) }),
});

export const readRegions = list(oneOf(REGIONS));

const SETTINGS: { readonly [Name in keyof Settings]: Reader<Settings[Name]> } = {
  data: nullable(text),
  regions: readRegions,
  pretrained: nullable(text),
  seed: wholeWithin(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  recipe: readRecipe,
};

export const readSettings = object<Settings>(SETTINGS);

/** What a checkpoint keeps beside the state of its training. */
export interface SavedSettings extends Settings {
  /** The images that the training was begun without, see `CheckedData`; null where that is not certain yet. */
  readonly leftOut: readonly string[] | null;
}

const readSavedSettings = object<SavedSettings>({ ...SETTINGS, leftOut: nullable(list(text)) });

/** What a checkpoint keeps of its training. @throws FormatError naming the file and the field at fault */
export async function readSaved(path: string): Promise<SavedSettings> {
  const { settings } = await readCheckpoint(path);
  return naming(path, () => readSavedSettings(settings, 'settings'));
}
