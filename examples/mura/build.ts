/** Networks, optimisers and schedules as a recipe describes them. */
import { GradiographError, models, nn, optim, type Tensor } from '../../lib/index.ts';
import {
  type ActivationMap,
  classActivationMap,
  gradCam,
  grayStem,
  layerGroups,
  printable,
  transforms,
} from '../../lib/node.ts';
import { type HeadLayer, isCnn, type Recipe, type Schedule } from './recipes.ts';

/** What is done to every image: resized, and its levels brought to the range that the network expects. */
export const prepareOf = ({ size, fit }: Recipe): transforms.Transform => transforms.resize(size, { fit });
export const normalizationOf = ({ channels }: Recipe): transforms.Normalization =>
  channels === 1 ? transforms.GRAY : transforms.IMAGENET;

/** A network of one logit. @throws GradiographError for a cnn network with another head */
export function buildModel({ model, size, channels, batchNorm, head }: Recipe): models.ImageModel {
  if (isCnn(model)) {
    if (head !== null) throw new GradiographError(`--head: ${model} has a head of its own`);
    return models[model]({ inChannels: channels, inputSize: size, batchNorm });
  }
  const network = models[model]({ numClasses: 1, inChannels: channels });
  if (head === null) return network;
  return network.resetClassifier((numFeatures) => buildHead(head, numFeatures));
}

function buildHead(layers: readonly HeadLayer[], numFeatures: number): nn.Module {
  let width = numFeatures;
  const modules = layers.map((layer) => {
    if (layer === 'relu') return new nn.ReLU();
    if (typeof layer === 'object') return new nn.Dropout(layer.dropout);
    const linear = new nn.Linear(width, layer);
    width = layer;
    return linear;
  });
  return new nn.Sequential(...modules, new nn.Linear(width, 1));
}

/**
 * Loads weights but for a head of other shapes, which then starts anew; those for three channels into a network for one, too.
 * @returns the names that were not loaded
 * @throws GradiographError where more than the head differs
 */
export async function loadBody(
  model: models.ImageModel,
  weights: ReadonlyMap<string, Tensor>,
): Promise<string[]> {
  const own = model.stateDict();
  const isHead = (name: string) => name.startsWith(`${model.classifierName}.`);
  const fits = (name: string, { shape }: Tensor) => String(own.get(name)?.shape) === String(shape);
  const isColor = [...weights].some(
    ([name, { shape }]) => shape.length === 4 && shape[1] === 3 && own.get(name)?.shape[1] === 1,
  );
  const suited = isColor ? await grayStem(weights, model.firstConv) : weights;
  const body = new Map([...suited].filter(([name, value]) => !isHead(name) || fits(name, value)));
  try {
    const { missing, unexpected } = model.loadStateDict(body, { strict: false });
    const foreign = [...unexpected, ...missing.filter((name) => !isHead(name))];
    if (foreign.length === 0) return missing;
    const shown = foreign.slice(0, 4).map((name) => printable(name.slice(0, 100)));
    throw new GradiographError(
      `--pretrained: the weights are of another network; ${foreign.length} names differ: ${shown.join(', ')} ...`,
    );
  } finally {
    for (const [name, value] of suited) if (weights.get(name) !== value) value.dispose();
  }
}

/** All parameters in one group, or, where the stages' learning rates differ, one a stage. */
export function buildOptimizer(
  model: models.ImageModel,
  { optimizer, lr, momentum, weightDecay, fineTuning }: Recipe,
  pretrained: boolean,
): optim.Optimizer {
  const layerDecay = pretrained ? fineTuning.layerDecay : 1;
  const parameters = layerDecay === 1 ? model.parameters() : layerGroups(model, lr, layerDecay);
  if (optimizer === 'sgd') return new optim.SGD(parameters, { lr, momentum, weightDecay });
  if (optimizer === 'adamw') return new optim.AdamW(parameters, { lr, weightDecay });
  return new optim.Adam(parameters, { lr, weightDecay });
}

/** The first learning rate of a warm-up, as a share of the full one. */
const WARMUP_START = 0.01;

/**
 * The schedule of a recipe after its warm-up, and when it steps; null where the learning rate is constant.
 * @throws GradiographError for a warm-up as long as the training, or before a schedule that cannot follow one
 */
export function buildScheduler(optimizer: optim.Optimizer, recipe: Recipe, stepsPerEpoch: number) {
  const { schedule, epochs, warmup } = recipe;
  if (warmup >= epochs) {
    throw new GradiographError(`--warmup: ${warmup} epochs leave nothing of --epochs ${epochs}`);
  }
  if (warmup > 0)
    return { scheduler: withWarmup(optimizer, recipe, stepsPerEpoch), schedulerStep: 'batch' } as const;
  switch (schedule.name) {
    case 'constant':
      return null;
    case 'plateau': {
      const { factor, patience } = schedule;
      const scheduler = new optim.ReduceLROnPlateau(optimizer, { factor, patience });
      return { scheduler, schedulerStep: 'epoch' } as const;
    }
    case 'oneCycle': {
      const { pctStart } = schedule;
      const maxLr = optimizer.groups.map(({ lr }) => lr);
      const scheduler = new optim.OneCycleLR(optimizer, { maxLr, epochs, stepsPerEpoch, pctStart });
      return { scheduler, schedulerStep: 'batch' } as const;
    }
    case 'cosine':
      return {
        scheduler: chainable(optimizer, schedule, epochs, stepsPerEpoch),
        schedulerStep: 'batch',
      } as const;
    default:
      return { scheduler: chainable(optimizer, schedule, epochs, 1), schedulerStep: 'epoch' } as const;
  }
}

function withWarmup(optimizer: optim.Optimizer, { schedule, epochs, warmup }: Recipe, stepsPerEpoch: number) {
  const steps = warmup * stepsPerEpoch;
  const rise = new optim.LinearLR(optimizer, { startFactor: WARMUP_START, totalIters: steps });
  if (schedule.name === 'constant') return rise;
  if (schedule.name === 'plateau' || schedule.name === 'oneCycle') {
    throw new GradiographError(`--warmup: the schedule '${schedule.name}' can have none before it`);
  }
  const fall = chainable(optimizer, schedule, epochs - warmup, stepsPerEpoch);
  return new optim.SequentialLR(optimizer, { schedulers: [rise, fall], milestones: [steps] });
}

/** A schedule that is a function of the step alone; `unit` steps make an epoch. */
function chainable(
  optimizer: optim.Optimizer,
  schedule: Exclude<Schedule, { name: 'constant' | 'plateau' | 'oneCycle' }>,
  epochs: number,
  unit: number,
) {
  switch (schedule.name) {
    case 'step':
      return new optim.StepLR(optimizer, { stepSize: schedule.stepSize * unit, gamma: schedule.gamma });
    case 'multiStep': {
      const milestones = schedule.milestones.map((epoch) => epoch * unit);
      return new optim.MultiStepLR(optimizer, { milestones, gamma: schedule.gamma });
    }
    case 'exponential':
      return new optim.ExponentialLR(optimizer, { gamma: schedule.gamma ** (1 / unit) });
    case 'cosine':
      return new optim.CosineAnnealingLR(optimizer, { tMax: epochs * unit, etaMin: schedule.etaMin });
  }
}

/** What speaks for abnormal in images x `[N, C, H, W]`: exact maps where one dense layer follows the pooling, else Grad-CAM. */
export const mapActivations = (network: models.ImageModel, x: Tensor): Promise<ActivationMap[]> =>
  network.linearOnMeans() ? classActivationMap(network, x) : gradCam(network, network.lastFeatureLayer, x);

/** The random changes of training images. */
export function buildAugmentation({
  size,
  flip,
  rotation,
  shift,
  brightness,
  contrast,
}: Recipe): transforms.Transform {
  return transforms.compose([
    ...(flip ? [transforms.randomHorizontalFlip()] : []),
    ...(rotation > 0 ? [transforms.randomRotation(rotation)] : []),
    ...(shift > 0 ? [transforms.randomCrop(size, { padding: Math.round(shift * size) })] : []),
    ...(brightness > 0 || contrast > 0 ? [transforms.colorJitter({ brightness, contrast })] : []),
  ]);
}
