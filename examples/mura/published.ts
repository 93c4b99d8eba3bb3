/** Figures that others published on MURA, each with what it is a figure of: they are not all comparable with ours. */
import type { Region } from '../../lib/node.ts';

export interface Published {
  /** What stands over the column. */
  readonly title: string;
  readonly metric: 'kappa';
  readonly unit: 'study';
  /** Whose images. */
  readonly on: string;
  readonly source: string;
  /** Whether it is of the same unit and images as our figures on the official valid split. */
  readonly comparable: boolean;
  readonly values: Readonly<Record<Region | 'all', number>>;
}

const REPRODUCTION =
  'Antonopoulos and Ndoja, github.com/ilias-ant/x-ray-abnormality-detection, README and notebooks/evaluation.ipynb';
const VALID = 'the official valid split';

export const PUBLISHED: readonly Published[] = [
  {
    title: 'MURA paper, DenseNet-169 x 5',
    metric: 'kappa',
    unit: 'study',
    on: 'the hidden test set, 207 studies, against the majority of three radiologists',
    source:
      'Rajpurkar et al. 2018, arXiv:1712.06957. The study that this example redoes shows these figures, times 100, as "Original Paper\'s Model, test accuracy"',
    comparable: false,
    values: {
      elbow: 0.71,
      finger: 0.389,
      forearm: 0.737,
      hand: 0.851,
      humerus: 0.6,
      shoulder: 0.729,
      wrist: 0.931,
      all: 0.705,
    },
  },
  {
    title: 'a reproduction, CNN from scratch',
    metric: 'kappa',
    unit: 'study',
    on: VALID,
    source: REPRODUCTION,
    comparable: true,
    values: {
      elbow: 0.5,
      finger: 0.37,
      forearm: 0.44,
      hand: 0.18,
      humerus: 0.44,
      shoulder: 0.17,
      wrist: 0.51,
      all: 0.386,
    },
  },
  {
    title: 'a reproduction, DenseNet-169',
    metric: 'kappa',
    unit: 'study',
    on: VALID,
    source: `${REPRODUCTION}; ImageNet weights`,
    comparable: true,
    values: {
      elbow: 0.72,
      finger: 0.59,
      forearm: 0.65,
      hand: 0.43,
      humerus: 0.72,
      shoulder: 0.54,
      wrist: 0.71,
      all: 0.629,
    },
  },
];

/** What else must be known to read them. */
export const CAVEATS: readonly string[] = [
  'The kappa of the MURA paper is no accuracy, and of other images than these: that a network here has a higher number than that column does not mean that it beats the paper.',
  'The networks from scratch of the study that this example redoes were constant predictors: in six of seven regions their accuracy is the share of one class. Look at the majority column, and at the marks where predictions collapse to one class.',
  'The paper gives its DenseNet-169 on all studies an AUROC of 0.929, and at its operating point a sensitivity of 0.815 and a specificity of 0.887.',
];
