/**
 * torch.nn.init: each function overwrites a tensor's values from the seeded generator and returns the tensor.
 * Formulas: Glorot & Bengio 2010 (xavier), He et al. 2015 (kaiming).
 */
import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { generator } from '../tensor/random.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What follows the layer whose weights are drawn; see `calculateGain`. */
export type Nonlinearity = 'linear' | 'conv2d' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

/** The options of `kaimingUniform` and `kaimingNormal`. */
export interface KaimingOptions {
  /** The negative slope of the leaky ReLU that follows. Default 0. */
  a?: number;
  /** `'fanIn'` (default) keeps the variance of the forward pass, `'fanOut'` that of the backward pass. */
  mode?: 'fanIn' | 'fanOut';
  /** Default `'leakyRelu'`, which with a = 0 is ReLU. */
  nonlinearity?: Nonlinearity;
}

/**
 * What a nonlinearity asks the standard deviation to be multiplied by, as torch.nn.init.calculate_gain.
 * @param a leaky ReLU's negative slope; default 0.01
 */
export function calculateGain(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv2d':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a));
    case 'selu':
      return 3 / 4;
  }
}

/** How many inputs and outputs a unit of a layer has. */
export interface Fans {
  /** in * window: values that an output is computed from. */
  readonly fanIn: number;
  /** out * window: values that an input has a part in. */
  readonly fanOut: number;
}

/** Inputs and outputs per unit of a weight `[out, in, ...window]`. @throws ShapeError below two axes */
export function calculateFans(shape: Shape): Fans {
  if (shape.length < 2) {
    throw new ShapeError(`init: a fan needs a weight of two axes or more, got ${formatShape(shape)}`);
  }
  const [outputs, inputs, ...window] = shape;
  const field = window.reduce((product, size) => product * size, 1);
  return { fanIn: inputs * field, fanOut: outputs * field };
}

/** Uniform in [low, high), by default [0, 1). */
export function uniform(tensor: Tensor, low = 0, high = 1): Tensor {
  tensor.assign(tensor.device.upload(generator.uniform(tensor.size, low, high)));
  return tensor;
}

/** Normal with this mean (default 0) and standard deviation (default 1). */
export function normal(tensor: Tensor, mean = 0, std = 1): Tensor {
  tensor.assign(tensor.device.upload(generator.normal(tensor.size, mean, std)));
  return tensor;
}

/** One value everywhere. */
export function constant(tensor: Tensor, value: number): Tensor {
  tensor.assign(tensor.device.fill(tensor.size, value));
  return tensor;
}

/** 0 everywhere. */
export const zeros = (tensor: Tensor): Tensor => constant(tensor, 0);

/** 1 everywhere. */
export const ones = (tensor: Tensor): Tensor => constant(tensor, 1);

/** Uniform in ±gain * sqrt(6 / (fanIn + fanOut)); gain is 1 by default. @throws ShapeError below two axes */
export function xavierUniform(tensor: Tensor, gain = 1): Tensor {
  const { fanIn, fanOut } = calculateFans(tensor.shape);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  return uniform(tensor, -bound, bound);
}

/** Normal with std = gain * sqrt(2 / (fanIn + fanOut)); gain is 1 by default. @throws ShapeError below two axes */
export function xavierNormal(tensor: Tensor, gain = 1): Tensor {
  const { fanIn, fanOut } = calculateFans(tensor.shape);
  return normal(tensor, 0, gain * Math.sqrt(2 / (fanIn + fanOut)));
}

/** std = gain / sqrt(fan) */
function kaimingStd(owner: string, shape: Shape, options: KaimingOptions): number {
  const { a, mode, nonlinearity } = resolveOptions(owner, options, {
    a: 0,
    mode: 'fanIn',
    nonlinearity: 'leakyRelu',
  });
  return calculateGain(nonlinearity, a) / Math.sqrt(calculateFans(shape)[mode]);
}

/** Uniform in ±gain * sqrt(3 / fan). @throws ShapeError below two axes */
export function kaimingUniform(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform', tensor.shape, options);
  return uniform(tensor, -bound, bound);
}

/** Normal with std = gain / sqrt(fan). @throws ShapeError below two axes */
export function kaimingNormal(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  return normal(tensor, 0, kaimingStd('kaimingNormal', tensor.shape, options));
}

/** Uniform in ±1 / sqrt(fanIn): how PyTorch starts the weight and the bias of Conv2d and Linear. */
export function fanInUniform(tensor: Tensor, fanIn: number): Tensor {
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  return uniform(tensor, -bound, bound);
}
