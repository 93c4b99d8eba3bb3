/** A flag for every field of a recipe: a field without one does not compile. */
import { InvalidArgumentError, Option } from 'commander';
import type { FineTuning } from '../../lib/node.ts';
import { count, countTo, fromZero, number, positive, share, wholeFromZero } from './flag-values.ts';
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

type Group = 'Network:' | 'Images:' | 'Training:' | 'Learning rate:' | 'Fine-tuning:' | 'Prediction:';

/** A flag, and how its text becomes the value of a field. */
export interface Flag<Value> {
  readonly flag: string;
  /** The heading that it stands under in --help. */
  readonly group: Group;
  readonly text: string;
  readonly choices?: readonly Value[];
  readonly parse?: (text: string) => Value;
}

/** Stands for null, which commander takes for a flag without a value. */
export const NONE = Symbol('none');

const orNone =
  <Value>(parse: (text: string) => Value) =>
  (text: string): Value | null =>
    text === 'none' ? (NONE as never) : parse(text);

const width = countTo(MAX_WIDTH);

/** `dropout:0.5,256,relu` */
function parseHead(text: string): HeadLayer[] {
  const layers = text.split(',');
  if (layers.length > MAX_HEAD_LAYERS)
    throw new InvalidArgumentError(`Wants at most ${MAX_HEAD_LAYERS} layers.`);
  return layers.map((layer) => {
    if (layer === 'relu') return layer;
    const rate = /^dropout:(.+)$/.exec(layer)?.[1];
    try {
      return rate === undefined ? width(layer) : { dropout: share(rate) };
    } catch {
      throw new InvalidArgumentError(
        `Wants widths up to ${MAX_WIDTH}, 'relu' and 'dropout:<share>' with commas between, as in dropout:0.5,256,relu; '${layer}' is none.`,
      );
    }
  });
}

export const FIELDS: {
  readonly [Field in Exclude<keyof Recipe, 'source' | 'imagenet' | 'schedule' | 'fineTuning'>]: Flag<
    Recipe[Field]
  >;
} = {
  model: { group: 'Network:', flag: '--model <name>', text: 'the network', choices: MODELS },
  batchNorm: {
    group: 'Network:',
    flag: '--batch-norm',
    text: 'a batch norm after each convolution of the cnn networks',
  },
  head: {
    group: 'Network:',
    flag: '--head <layers>',
    text: "layers before the one logit of a ResNet or DenseNet, as dropout:0.5,256,relu; 'none' for its own head",
    parse: orNone(parseHead),
  },
  channels: {
    group: 'Network:',
    flag: '--channels <n>',
    text: '3 repeats the gray channel; with 1, the filters of the first layer of --pretrained are summed',
    parse: number('1 or 3', (value) => value === 1 || value === 3) as (text: string) => 1 | 3,
  },
  size: {
    group: 'Images:',
    flag: '--size <pixels>',
    text: 'height and width that images are resized to',
    parse: countTo(MAX_SIZE),
  },
  fit: {
    group: 'Images:',
    flag: '--fit <how>',
    text: 'squash images to a square, or pad them with black and keep the aspect',
    choices: ['squash', 'pad'],
  },
  batch: { group: 'Training:', flag: '--batch <n>', text: 'images a batch', parse: count },
  accumulate: {
    group: 'Training:',
    flag: '--accumulate <n>',
    text: 'batches whose gradients make one step',
    parse: count,
  },
  epochs: { group: 'Training:', flag: '--epochs <n>', text: 'passes over the training images', parse: count },
  optimizer: {
    group: 'Training:',
    flag: '--optimizer <name>',
    text: 'how weights are moved',
    choices: OPTIMIZERS,
  },
  lr: { group: 'Learning rate:', flag: '--lr <rate>', text: 'learning rate', parse: positive },
  momentum: { group: 'Training:', flag: '--momentum <share>', text: "SGD's momentum", parse: fromZero },
  weightDecay: {
    group: 'Training:',
    flag: '--weight-decay <rate>',
    text: 'pull of the weights towards 0',
    parse: fromZero,
  },
  warmup: {
    group: 'Learning rate:',
    flag: '--warmup <epochs>',
    text: 'epochs in which the learning rate rises first',
    parse: wholeFromZero,
  },
  patience: {
    group: 'Training:',
    flag: '--patience <epochs>',
    text: "stop after so many epochs without a lesser validation loss; 'none' never",
    parse: orNone(count),
  },
  classWeights: {
    group: 'Training:',
    flag: '--class-weights <how>',
    text: 'make both classes count the same, over the set or in each region',
    choices: ['none', 'set', 'region'],
  },
  clip: {
    group: 'Training:',
    flag: '--clip <norm>',
    text: "the most that gradients may be; 'none'",
    parse: orNone(positive),
  },
  mixup: {
    group: 'Images:',
    flag: '--mixup <alpha>',
    text: 'mix pairs of images and labels; 0 for none',
    parse: fromZero,
  },
  flip: { group: 'Images:', flag: '--flip', text: 'mirror every other training image' },
  rotation: {
    group: 'Images:',
    flag: '--rotation <degrees>',
    text: 'turn training images, either way',
    parse: fromZero,
  },
  shift: {
    group: 'Images:',
    flag: '--shift <share>',
    text: 'move training images by up to this share of their size',
    parse: fromZero,
  },
  brightness: {
    group: 'Images:',
    flag: '--brightness <share>',
    text: 'change brightness, either way',
    parse: fromZero,
  },
  contrast: {
    group: 'Images:',
    flag: '--contrast <share>',
    text: 'change contrast, either way',
    parse: fromZero,
  },
  tta: { group: 'Prediction:', flag: '--tta', text: 'predict the mean over each image and its mirror image' },
  ensemble: {
    group: 'Prediction:',
    flag: '--ensemble <n>',
    text: 'train so many networks, from --seed on, and average their probabilities',
    parse: count,
  },
};

export const FINE_TUNING: { readonly [Field in keyof FineTuning]: Flag<FineTuning[Field]> } = {
  frozenEpochs: {
    group: 'Fine-tuning:',
    flag: '--freeze <epochs>',
    text: 'with --pretrained, train only the head in the first epochs',
    parse: wholeFromZero,
  },
  gradual: {
    group: 'Fine-tuning:',
    flag: '--gradual',
    text: 'with --pretrained, unfreeze one stage an epoch after --freeze, from the head down',
  },
  layerDecay: {
    group: 'Fine-tuning:',
    flag: '--layer-decay <share>',
    text: 'with --pretrained, the learning rate of each stage as a share of that of the stage above it',
    parse: number('a number above 0, at most 1', (value) => value > 0 && value <= 1),
  },
};

type Parameters<S> = S extends unknown ? Exclude<keyof S, 'name'> : never;

export const SCHEDULE: { readonly [Parameter in Parameters<Schedule>]: Flag<unknown> } = {
  stepSize: {
    group: 'Learning rate:',
    flag: '--step-size <epochs>',
    text: 'step: epochs between the falls',
    parse: count,
  },
  milestones: {
    group: 'Learning rate:',
    flag: '--milestones <epochs>',
    text: 'multiStep: epochs after which it falls, as 10,15',
    parse: (text: string) => text.split(',').map(count),
  },
  gamma: {
    group: 'Learning rate:',
    flag: '--gamma <factor>',
    text: 'step, multiStep, exponential: times this at each fall',
    parse: share,
  },
  etaMin: {
    group: 'Learning rate:',
    flag: '--eta-min <rate>',
    text: 'cosine: where it ends',
    parse: fromZero,
  },
  pctStart: {
    group: 'Learning rate:',
    flag: '--pct-start <share>',
    text: 'oneCycle: the part of the training that it rises',
    parse: share,
  },
  factor: {
    group: 'Learning rate:',
    flag: '--plateau-factor <factor>',
    text: 'plateau: times this at each fall',
    parse: share,
  },
  patience: {
    group: 'Learning rate:',
    flag: '--plateau-patience <epochs>',
    text: 'plateau: epochs without a lesser validation loss that are borne',
    parse: wholeFromZero,
  },
};
export const SCHEDULE_NAME: Flag<ScheduleName> = {
  group: 'Learning rate:',
  flag: '--schedule <name>',
  text: 'how the learning rate goes',
  choices: Object.keys(SCHEDULES) as ScheduleName[],
};

/** The option of a flag; where it is a switch, `--no-` too. */
function optionsOf({ group, flag, text, choices, parse }: Flag<never>): Option[] {
  const option = new Option(flag, text).helpGroup(group);
  if (choices) option.choices(choices as readonly string[]);
  if (parse) option.argParser(parse);
  return option.required
    ? [option]
    : [option, new Option(flag.replace('--', '--no-')).helpGroup(group).hideHelp()];
}

/** Every flag that changes a recipe, under its heading. */
export function recipeOptions(): Option[] {
  const flags = [
    ...Object.values(FIELDS),
    SCHEDULE_NAME,
    ...Object.values(SCHEDULE),
    ...Object.values(FINE_TUNING),
  ];
  return flags.flatMap((flag) => optionsOf(flag as Flag<never>));
}

/** The name under which commander has a flag's value. */
export const nameOf = ({ flag }: Flag<never>): string => new Option(flag).attributeName();
