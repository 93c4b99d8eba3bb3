/** How to train, as data. Each field can be overridden on the command line where `mura-train --help` has a flag for it. */

import type { FineTuning } from '../lib/node.ts';

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

export const OPTIMIZERS = ['sgd', 'adam', 'adamw'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

/** A layer of a classification head; a dense one is given by its width. */
export type HeadLayer = number | 'relu' | { readonly dropout: number };

export type Schedule =
  | { readonly name: 'constant' }
  | { readonly name: 'step'; readonly stepSize: number; readonly gamma: number }
  | { readonly name: 'plateau'; readonly factor: number; readonly patience: number }
  | { readonly name: 'oneCycle' };

export interface Recipe {
  /** Where its numbers come from. */
  readonly source: string;
  readonly model: ModelName;
  /** A batch norm after each convolution of the cnn networks. */
  readonly batchNorm: boolean;
  /** What replaces the network's last layer, before the one logit; null keeps the network's own head. */
  readonly head: readonly HeadLayer[] | null;
  /** Height and width of the images. */
  readonly size: number;
  readonly batch: number;
  readonly epochs: number;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  /** SGD's. */
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: Schedule;
  /** Epochs without a lesser validation loss before training stops; null never. */
  readonly patience: number | null;
  /** How the loss makes up for classes of unequal number. */
  readonly classWeights: 'none' | 'set' | 'region';
  readonly flip: boolean;
  /** Degrees either way. */
  readonly rotation: number;
  /** Relative change either way. */
  readonly contrast: number;
  /** How a network that comes with weights is fitted; without --pretrained it has no effect. */
  readonly fineTuning: FineTuning;
}

const ALL_AT_ONCE: FineTuning = { frozenEpochs: 0, gradual: false, layerDecay: 1 };

const STUDY = 'the study of ResNet and DenseNet on MURA that this example redoes';

const scratch: Recipe = {
  source: 'a sound start for any network from scratch on a small set',
  model: 'resnet18',
  batchNorm: true,
  head: null,
  size: 128,
  batch: 32,
  epochs: 10,
  optimizer: 'adam',
  lr: 1e-3,
  momentum: 0.9,
  weightDecay: 0,
  schedule: { name: 'oneCycle' },
  patience: null,
  classWeights: 'none',
  flip: true,
  rotation: 0,
  contrast: 0,
  fineTuning: ALL_AT_ONCE,
};

/** Adam with a plateau schedule and batch norm: the study's own networks. */
const ownNetwork: Recipe = {
  ...scratch,
  source: `${STUDY}: its networks from scratch`,
  size: 224,
  epochs: 20,
  schedule: { name: 'plateau', factor: 0.1, patience: 2 },
  patience: 5,
};

const resnet: Recipe = {
  ...scratch,
  source: `${STUDY}: ResNet with ImageNet weights`,
  head: [{ dropout: 0.5 }, 256, 'relu', { dropout: 0.5 }, 128, 'relu', 32, 'relu'],
  size: 224,
  epochs: 20,
  optimizer: 'sgd',
  lr: 1e-3,
  momentum: 0.8,
  weightDecay: 1e-3,
  schedule: { name: 'constant' },
  patience: 4,
};

export const RECIPES = {
  quick: {
    ...scratch,
    source: 'chosen so that a small network learns the drawn set within two minutes',
    model: 'cnn4',
    size: 80,
    epochs: 10,
    lr: 2e-3,
  },
  scratch,
  cnn2: { ...ownNetwork, model: 'cnn2' },
  cnn4: { ...ownNetwork, model: 'cnn4' },
  cnn15: { ...ownNetwork, model: 'cnn15' },
  resnet18: resnet,
  resnet50: { ...resnet, model: 'resnet50' },
  densenet121: {
    ...resnet,
    source: `${STUDY}: DenseNet with ImageNet weights`,
    model: 'densenet121',
    head: [512, 'relu', { dropout: 0.5 }],
    lr: 1e-4,
    momentum: 0.9,
    weightDecay: 1e-4,
    schedule: { name: 'step', stepSize: 3, gamma: 0.3 },
    patience: 2,
  },
  'fine-tune': {
    ...scratch,
    source:
      'Howard & Ruder 2018, sections 3.2 and 3.3: discriminative rates (1/2.6 a stage) and gradual unfreezing; the rest is ours',
    fineTuning: { frozenEpochs: 1, gradual: true, layerDecay: 1 / 2.6 },
  },
  'mura-paper': {
    ...scratch,
    source: 'Rajpurkar et al. 2018, MURA: one network of the ensemble of five; patience and epochs are ours',
    model: 'densenet169',
    size: 320,
    batch: 8,
    epochs: 20,
    lr: 1e-4,
    schedule: { name: 'plateau', factor: 0.1, patience: 1 },
    patience: 4,
    classWeights: 'region',
    rotation: 30,
  },
} as const satisfies Record<string, Recipe>;
export type RecipeName = keyof typeof RECIPES;
