/** How to train, as data. Every field that changes the training has a flag: see recipe-flags.ts. */
import type { FineTuning } from '../../lib/node.ts';

export const MODELS = [
  'cnn2',
  'cnn4',
  'cnn15',
  'resnet18',
  'resnet34',
  'resnet50',
  'resnet101',
  'resnet152',
  'densenet121',
  'densenet161',
  'densenet169',
  'densenet201',
] as const;
export type ModelName = (typeof MODELS)[number];

/** The plain networks, which have a head of their own and want no more than the gray channel. */
export const isCnn = (model: ModelName): model is 'cnn2' | 'cnn4' | 'cnn15' => model.startsWith('cnn');

export const OPTIMIZERS = ['sgd', 'adam', 'adamw'] as const;

/** A layer of a classification head; a dense one is given by its width. */
export type HeadLayer = number | 'relu' | { readonly dropout: number };

/** More would not be a mistake of the machine's but of the hand's. */
export const MAX_SIZE = 8192;
export const MAX_WIDTH = 4096;
export const MAX_HEAD_LAYERS = 16;

/** What each schedule can be told; epochs are its unit where it counts. */
interface Schedules {
  constant: object;
  /** Times gamma every stepSize epochs. */
  step: { readonly stepSize: number; readonly gamma: number };
  /** Times gamma after each of these epochs. */
  multiStep: { readonly milestones: readonly number[]; readonly gamma: number };
  /** Times gamma after each epoch. */
  exponential: { readonly gamma: number };
  /** Half a cosine down to etaMin over the whole training, moved after each step. */
  cosine: { readonly etaMin: number };
  /** Up to the learning rate over the share pctStart of the training and down again, moved after each step. */
  oneCycle: { readonly pctStart: number };
  /** Times factor when the validation loss has not fallen for more than `patience` epochs. */
  plateau: { readonly factor: number; readonly patience: number };
}
export type ScheduleName = keyof Schedules;
export type Schedule = { [Name in ScheduleName]: { readonly name: Name } & Schedules[Name] }[ScheduleName];

/** What a schedule starts from where only its name is given. */
export const SCHEDULES: { readonly [Name in ScheduleName]: { readonly name: Name } & Schedules[Name] } = {
  constant: { name: 'constant' },
  step: { name: 'step', stepSize: 3, gamma: 0.1 },
  multiStep: { name: 'multiStep', milestones: [10, 15], gamma: 0.1 },
  exponential: { name: 'exponential', gamma: 0.9 },
  cosine: { name: 'cosine', etaMin: 0 },
  oneCycle: { name: 'oneCycle', pctStart: 0.3 },
  plateau: { name: 'plateau', factor: 0.1, patience: 2 },
};

export interface Recipe {
  /** Where its numbers come from. */
  readonly source: string;
  /** Whether its source starts from ImageNet weights, which --pretrained imagenet fetches. */
  readonly imagenet: boolean;
  readonly model: ModelName;
  /** A batch norm after each convolution of the cnn networks. */
  readonly batchNorm: boolean;
  /** What replaces the last layer of a ResNet or DenseNet, before the one logit; null keeps the network's own head. */
  readonly head: readonly HeadLayer[] | null;
  /** 3 repeats the gray channel, as networks trained on ImageNet want it; 1 is enough from scratch. */
  readonly channels: 1 | 3;
  /** Height and width of the images. */
  readonly size: number;
  /** Whether images fill the square (squash), or keep their aspect on black (pad). */
  readonly fit: 'squash' | 'pad';
  readonly batch: number;
  /** Batches whose gradients make one step. */
  readonly accumulate: number;
  readonly epochs: number;
  readonly optimizer: (typeof OPTIMIZERS)[number];
  readonly lr: number;
  /** SGD's. */
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: Schedule;
  /** Epochs in which the learning rate rises from near 0, before the schedule. */
  readonly warmup: number;
  /** Epochs without a lesser validation loss before training stops; null never. */
  readonly patience: number | null;
  /** How the loss makes up for classes of unequal number: over the set, or in each region. */
  readonly classWeights: 'none' | 'set' | 'region';
  /** The most that the norm of all gradients may be; null for any. */
  readonly clip: number | null;
  /** Alpha of mixup (Zhang et al. 2018); 0 for none. */
  readonly mixup: number;
  /** Mirror every other training image. */
  readonly flip: boolean;
  /** Degrees either way. */
  readonly rotation: number;
  /** Share of the size, in either direction. */
  readonly shift: number;
  /** Relative change either way. */
  readonly brightness: number;
  /** Relative change either way. */
  readonly contrast: number;
  /** Predict the mean over each image and its mirror image. */
  readonly tta: boolean;
  /** Networks, from seeds that follow each other, whose probabilities are averaged. */
  readonly ensemble: number;
  /** How a network that comes with weights is fitted; without --pretrained it has no effect. */
  readonly fineTuning: FineTuning;
}

const ALL_AT_ONCE: FineTuning = { frozenEpochs: 0, gradual: false, layerDecay: 1 };

const STUDY = 'the study of ResNet and DenseNet on MURA that this example redoes';

/** Nothing but a network, a loss and a rate: each recipe adds what its source names. */
const plain: Omit<Recipe, 'source' | 'model'> = {
  imagenet: false,
  batchNorm: true,
  head: null,
  channels: 3,
  size: 224,
  fit: 'squash',
  batch: 32,
  accumulate: 1,
  epochs: 20,
  optimizer: 'adam',
  lr: 1e-3,
  momentum: 0.9,
  weightDecay: 0,
  schedule: SCHEDULES.constant,
  warmup: 0,
  patience: null,
  classWeights: 'none',
  clip: null,
  mixup: 0,
  flip: false,
  rotation: 0,
  shift: 0,
  brightness: 0,
  contrast: 0,
  tta: false,
  ensemble: 1,
  fineTuning: ALL_AT_ONCE,
};

const scratch: Recipe = {
  ...plain,
  source: 'a sound start for any network from scratch on a small set',
  model: 'resnet18',
  size: 128,
  epochs: 10,
  schedule: SCHEDULES.oneCycle,
  // Where a limb lies and how it is exposed says nothing: of a few hundred images a network learns that only by being shown.
  flip: true,
  rotation: 10,
  shift: 0.08,
  brightness: 0.2,
  contrast: 0.2,
  // Adam's first steps are wild while the batch norms settle.
  clip: 1,
};

/** Adam, a plateau schedule and batch norm; rate, epochs and patience are those of its ResNets. */
const ownNetwork: Omit<Recipe, 'model'> = {
  ...plain,
  source: `${STUDY}: its networks from scratch`,
  channels: 1,
  schedule: SCHEDULES.plateau,
  patience: 4,
};

/** The source names no activation between the dense layers; without one they would be a single linear map. */
const resnet: Omit<Recipe, 'model'> = {
  ...plain,
  source: `${STUDY}: ResNet with ImageNet weights`,
  imagenet: true,
  head: [{ dropout: 0.5 }, 256, 'relu', { dropout: 0.5 }, 128, 'relu', 32, 'relu'],
  optimizer: 'sgd',
  lr: 1e-3,
  momentum: 0.8,
  weightDecay: 1e-3,
  patience: 4,
};

export const RECIPES = {
  quick: {
    ...scratch,
    source: 'chosen so that a small network learns the drawn set within two minutes',
    model: 'cnn4',
    channels: 1,
    size: 80,
    lr: 2e-3,
    // Its drawings are many, all exposed alike: more changes would only slow it down.
    rotation: 0,
    shift: 0,
    brightness: 0,
    contrast: 0,
    clip: null,
  },
  scratch,
  cnn2: { ...ownNetwork, model: 'cnn2' },
  cnn4: { ...ownNetwork, model: 'cnn4' },
  cnn15: { ...ownNetwork, model: 'cnn15' },
  resnet18: { ...resnet, model: 'resnet18' },
  resnet50: { ...resnet, model: 'resnet50' },
  densenet121: {
    ...plain,
    source: `${STUDY}: DenseNet with ImageNet weights`,
    imagenet: true,
    model: 'densenet121',
    head: [512, 'relu', { dropout: 0.5 }],
    optimizer: 'sgd',
    lr: 1e-4,
    momentum: 0.9,
    weightDecay: 1e-4,
    schedule: { name: 'step', stepSize: 3, gamma: 0.3 },
    patience: 2,
  },
  'mura-paper': {
    ...plain,
    source:
      'Rajpurkar et al. 2018, MURA (arXiv:1712.06957): ImageNet weights, --ensemble 5 for the whole; epochs, patience and what a plateau is are ours',
    imagenet: true,
    model: 'densenet169',
    size: 320,
    batch: 8,
    lr: 1e-4,
    schedule: { name: 'plateau', factor: 0.1, patience: 1 },
    patience: 4,
    classWeights: 'region',
    flip: true,
    rotation: 30,
  },
  'fine-tune': {
    ...scratch,
    source:
      'Howard & Ruder 2018, sections 3.2 and 3.3: discriminative rates (1/2.6 a stage) and gradual unfreezing; the rest is ours',
    imagenet: true,
    fineTuning: { frozenEpochs: 1, gradual: true, layerDecay: 1 / 2.6 },
  },
  best: {
    ...plain,
    source:
      'ours, from ImageNet weights: what we would give a hospital; recipes.ts says why, line by line (for the last points add --ensemble 5)',
    imagenet: true,
    // The paper's family, as in CheXNet: features are reused, so 7 million weights do, and its one dense layer gives exact maps (CAM).
    model: 'densenet121',
    // The paper's: a fissure of a pixel at 320 is lost at 224.
    size: 320,
    // Squashing changes angles and thickness, which is what a reader looks at.
    fit: 'pad',
    batch: 16,
    // 16 x 2 makes the usual 32 at half the memory.
    accumulate: 2,
    epochs: 16,
    // Decay apart from the gradient (Loshchilov & Hutter 2019) makes rate and decay independent of each other.
    optimizer: 'adamw',
    lr: 3e-4,
    weightDecay: 1e-2,
    // No plateau to guess: the rate falls smoothly to 0 (Loshchilov & Hutter 2017)...
    schedule: SCHEDULES.cosine,
    // ... after a slow start, while Adam's moments settle (Goyal et al. 2017).
    warmup: 1,
    // The paper's: hand has three normal images to each abnormal one, shoulder as many of both.
    classWeights: 'region',
    // One odd batch cannot undo the others (Pascanu et al. 2013).
    clip: 1,
    // Probabilities that mean what they say (Zhang et al. 2018; Thulasidasan et al. 2019 on calibration).
    mixup: 0.2,
    // Left and right hands are both there.
    flip: true,
    // How a limb lies on the plate; half the paper's 30, which cuts corners off.
    rotation: 15,
    shift: 0.05,
    // Exposure and windowing differ between machines.
    brightness: 0.1,
    contrast: 0.2,
    // The mirror image is as good a view: half the noise for twice the time.
    tta: true,
    // A new head first (Kumar et al. 2022), then stage by stage, early stages slowly (Howard & Ruder 2018).
    fineTuning: { frozenEpochs: 1, gradual: true, layerDecay: 0.7 },
  },
} as const satisfies Record<string, Recipe>;
export type RecipeName = keyof typeof RECIPES;
export const RECIPE_NAMES = Object.keys(RECIPES) as RecipeName[];
