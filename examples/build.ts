/** Networks, optimisers and schedules as a recipe describes them. */
import { GradiographError, models, nn, optim, type Tensor } from '../lib/index.ts';
import { layerGroups, type StagedModel, transforms } from '../lib/node.ts';
import type { HeadLayer, ModelName, Recipe } from './recipes.ts';

/** Networks that have been, or may be, trained on ImageNet want three channels; the others get the gray one. */
const isCnn = (model: ModelName): model is 'cnn2' | 'cnn4' | 'cnn15' => model.startsWith('cnn');

export const normalizationOf = (model: ModelName): transforms.Normalization =>
  isCnn(model) ? transforms.GRAY : transforms.IMAGENET;

/** A network of one logit. */
export function buildModel({ model, size, batchNorm, head }: Recipe): StagedModel {
  if (isCnn(model)) return models[model]({ inChannels: 1, inputSize: size, batchNorm });
  const network = models[model]({ numClasses: 1 });
  if (head === null) return network;
  if (network instanceof models.ResNet) network.fc = replaceHead(network.fc, head);
  else network.classifier = replaceHead(network.classifier, head);
  return network;
}

function replaceHead(old: nn.Module, layers: readonly HeadLayer[]): nn.Module {
  let width = old.namedParameters().get('weight')?.shape[1] ?? 0;
  old.dispose();
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
 * Loads weights but for a head of other shapes, which then starts anew.
 * @returns the names that were not loaded
 * @throws GradiographError where more than the head differs
 */
export function loadBody(model: nn.Module, weights: ReadonlyMap<string, Tensor>): string[] {
  const own = model.stateDict();
  const isHead = (name: string) => /^(fc|classifier)\./.test(name);
  const fits = (name: string, { shape }: Tensor) => String(own.get(name)?.shape) === String(shape);
  const body = new Map([...weights].filter(([name, value]) => !isHead(name) || fits(name, value)));
  const { missing, unexpected } = model.loadStateDict(body, { strict: false });
  const foreign = [...unexpected, ...missing.filter((name) => !isHead(name))];
  if (foreign.length > 0) {
    throw new GradiographError(
      `--pretrained: the weights are of another network; ${foreign.length} names differ: ${foreign.slice(0, 4).join(', ')} ...`,
    );
  }
  return missing;
}

/** All parameters in one group, or, where the stages' learning rates differ, one a stage. */
export function buildOptimizer(
  model: StagedModel,
  { optimizer, lr, momentum, weightDecay, fineTuning }: Recipe,
): optim.Optimizer {
  const { layerDecay } = fineTuning;
  const parameters = layerDecay === 1 ? model.parameters() : layerGroups(model, lr, layerDecay);
  if (optimizer === 'sgd') return new optim.SGD(parameters, { lr, momentum, weightDecay });
  if (optimizer === 'adamw') return new optim.AdamW(parameters, { lr, weightDecay });
  return new optim.Adam(parameters, { lr, weightDecay });
}

/** The schedule of a recipe, and when it steps; null where the learning rate is constant. */
export function buildScheduler(
  optimizer: optim.Optimizer,
  { schedule, epochs }: Recipe,
  stepsPerEpoch: number,
) {
  switch (schedule.name) {
    case 'constant':
      return null;
    case 'step':
      return { scheduler: new optim.StepLR(optimizer, schedule), schedulerStep: 'epoch' } as const;
    case 'plateau':
      return { scheduler: new optim.ReduceLROnPlateau(optimizer, schedule), schedulerStep: 'epoch' } as const;
    case 'oneCycle':
      return {
        scheduler: new optim.OneCycleLR(optimizer, {
          maxLr: optimizer.groups.map((group) => group.lr),
          epochs,
          stepsPerEpoch,
        }),
        schedulerStep: 'batch',
      } as const;
  }
}

/** The random changes of training images. */
export function buildAugmentation({ flip, rotation, contrast }: Recipe): transforms.Transform {
  return transforms.compose([
    ...(flip ? [transforms.randomHorizontalFlip()] : []),
    ...(rotation > 0 ? [transforms.randomRotation(rotation)] : []),
    ...(contrast > 0 ? [transforms.colorJitter({ contrast })] : []),
  ]);
}
