/** Which places of an image speak for a class, as a model sees it. */
import { ShapeError } from '../errors.ts';
import type { ImageModel } from '../models/image-model.ts';
import type { AnyModule, Module } from '../nn/module.ts';
import { relu } from '../ops/activations.ts';
import { mean } from '../ops/mean.ts';
import { mul } from '../ops/mul.ts';
import { reshape } from '../ops/reshape.ts';
import { select } from '../ops/slice.ts';
import { sum } from '../ops/sum.ts';
import { backward, enableGrad, noGrad } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/** A map over an image, as coarse as the feature map that it was computed from; it covers the whole image. */
export interface ActivationMap {
  /** In values, not in pixels of the image. */
  readonly width: number;
  /** In values, not in pixels of the image. */
  readonly height: number;
  /** height * width values, row by row. */
  readonly data: Float32Array;
}

/**
 * Class-activation maps (Zhou et al. 2016, "Learning deep features for discriminative localization", eq. 2), in
 * evaluation mode: M(y, x) = sum_k weight[target, k] * features[k, y, x]. Signed: what is above zero speaks for the
 * class. The mean of a map and the head's bias make the logit.
 * @param model tells its last feature map and the one Linear behind the means of its channels, as networks of `models` do
 * @param x `[N, C, H, W]`
 * @param target the logit whose maps are made; default 0, the one of a model with one
 * @returns a map of each image
 * @throws ShapeError for a model with another head, which wants `gradCam`
 */
export async function classActivationMap(
  model: Module & Pick<ImageModel, 'features' | 'linearOnMeans'>,
  x: Tensor,
  target = 0,
): Promise<ActivationMap[]> {
  const linear = model.linearOnMeans();
  if (!linear) {
    throw new ShapeError(
      'classActivationMap: wants one Linear between the means of the last feature map and the logits; use gradCam',
    );
  }
  const { weight } = linear;
  const makeMaps = () =>
    tidy(() => sum(mul(model.features(x), reshape(select(weight, 0, target), [1, -1, 1, 1])), 1));
  return split(inEvaluation(model, () => noGrad(makeMaps)));
}

/**
 * Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2) of any layer, in evaluation mode:
 * relu(sum_k alpha_k * A_k), with A the layer's output and alpha_k the mean of d(logit)/d(A_k) over its places.
 * Gradients of parameters stay as they are.
 * @param layer a module of the model, or its name in `namedModules()`; of one that runs several times the last counts
 * @param x `[N, C, H, W]`
 * @param target the logit whose maps are made; default 0, the one of a model with one
 * @returns a map of each image, of the layer's resolution
 * @throws ShapeError for a layer that the model has not, or that gives no maps `[N, K, h, w]` to the logit
 */
export async function gradCam(
  model: Module,
  layer: AnyModule | string,
  x: Tensor,
  target = 0,
): Promise<ActivationMap[]> {
  const name = typeof layer === 'string' ? `'${layer}'` : layer.constructor.name;
  const module = typeof layer === 'string' ? model.namedModules().get(layer) : layer;
  if (!module) throw new ShapeError(`gradCam: the model has no layer ${name}`);
  const outputs: Tensor[] = [];
  const hook = module.registerForwardHook((_module, _inputs, output) => {
    if (!(output instanceof Tensor) || output.rank !== 4) {
      const got = output instanceof Tensor ? formatShape(output.shape) : typeof output;
      throw new ShapeError(`gradCam: layer ${name} gives ${got}, a map wants [N, K, h, w]`);
    }
    const leaf = output.detach().setRequiresGrad().keep();
    outputs.push(leaf);
    return leaf;
  });
  const trained = model.parameters().filter(({ requiresGrad }) => requiresGrad);
  for (const parameter of trained) parameter.setRequiresGrad(false);
  const makeMaps = () => {
    const logit = sum(select(model.forward(x.detach()), 1, target));
    const last = outputs.at(-1);
    if (logit.requiresGrad) backward(logit);
    if (!last?.grad) throw new ShapeError(`gradCam: the logit does not depend on layer ${name}`);
    const alpha = mean(last.grad, [2, 3], true);
    return noGrad(() => relu(sum(mul(alpha, last), 1)));
  };
  let maps: Tensor;
  try {
    maps = inEvaluation(model, () => enableGrad(() => tidy(makeMaps)));
  } finally {
    hook.remove();
    for (const output of outputs) output.dispose();
    for (const parameter of trained) parameter.setRequiresGrad();
  }
  return split(maps);
}

/** Runs `fn` with the model in evaluation mode, and puts its mode back. */
function inEvaluation<T>(model: Module, fn: () => T): T {
  const { training } = model;
  model.eval();
  try {
    return fn();
  } finally {
    model.train(training);
  }
}

/** `[N, h, w]` to a map each; the tensor is given up. */
async function split(maps: Tensor): Promise<ActivationMap[]> {
  const [count, height, width] = maps.shape;
  const values = await maps.data();
  maps.dispose();
  const size = height * width;
  return Array.from({ length: count }, (_, i) => ({
    width,
    height,
    data: values.slice(i * size, (i + 1) * size),
  }));
}

/** A point of an image, whatever its size. */
export interface ImagePoint {
  /** From the left, as a fraction of the image's width. */
  readonly x: number;
  /** From the top, as a fraction of the image's height. */
  readonly y: number;
}

/** The centre of the first largest value of a map. */
export function hottestPoint({ width, height, data }: ActivationMap): ImagePoint {
  const place = data.reduce((best, value, i) => (value > data[best] ? i : best), 0);
  return { x: ((place % width) + 0.5) / width, y: (Math.floor(place / width) + 0.5) / height };
}
