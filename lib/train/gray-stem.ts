import { GRAY, IMAGENET, type Normalization } from '../data/transforms.ts';
import { StateDictError } from '../errors.ts';
import type { ImageModel } from '../models/image-model.ts';
import { tensor } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The options of `grayStem`. */
export interface GrayStemOptions {
  /** How the three channels were normalised. Default ImageNet's statistics. */
  from?: Normalization;
  /** How the one channel is normalised. Default `transforms.GRAY`. */
  to?: Normalization;
}

/**
 * Turns weights of a network for three channels into those of the same network for one: the first convolution's weights
 * are summed over the channels, so that a gray image need not be repeated.
 *
 * Channel c of the old input is x_c = (g - m_c) / s_c of the gray value g, the new input u = (g - m) / s. Hence
 * W x = W' u + b with W'[o] = sum_c W[o, c] s / s_c, and b[o] = sum_c (m - m_c) / s_c * sum_ij W[o, c, i, j], which is
 * taken off the running mean of the batch norm behind.
 *
 * In evaluation mode the stem's outputs are equal, to rounding, wherever its window lies within the image. Where it
 * reaches into the zero padding they are equal if all m_c equal m; else they differ by the taps outside, each times
 * (m - m_c) / s_c, which is -0.16, -0.03 and 0.19 for the default statistics.
 *
 * @param weights a state dict; it is left as it is, and shares all but the changed tensors with the result
 * @param firstConv the names of the network's first convolution and of the batch norm behind it (`ImageModel.firstConv`)
 * @throws StateDictError where there is no such convolution with a norm, or it is not of `from`'s channels
 */
export async function grayStem(
  weights: ReadonlyMap<string, Tensor>,
  { conv, norm }: ImageModel['firstConv'],
  { from = IMAGENET, to = GRAY }: GrayStemOptions = {},
): Promise<Map<string, Tensor>> {
  const [weightName, meanName] = [`${conv}.weight`, `${norm}.running_mean`];
  const stem = weights.get(weightName);
  const runningMean = weights.get(meanName);
  if (!stem || !runningMean) {
    throw new StateDictError(
      `grayStem: wants ${weightName} and a batch norm behind it, ${norm ?? 'which this network lacks'}; the weights have ${[...weights.keys()].slice(0, 4).join(', ')} ...`,
    );
  }
  const [out, channels, height, width] = stem.shape;
  if (channels !== from.mean.length) {
    throw new StateDictError(
      `grayStem: ${weightName} is for ${channels} channels, the statistics for ${from.mean.length}`,
    );
  }
  const taps = height * width;
  const old = await stem.data();
  const summed = new Float32Array(out * taps);
  const mean = Float32Array.from(await runningMean.data());
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < channels; c++) {
      const first = (o * channels + c) * taps;
      for (let tap = 0; tap < taps; tap++) {
        summed[o * taps + tap] += (old[first + tap] * to.std[0]) / from.std[c];
        mean[o] -= (old[first + tap] * (to.mean[0] - from.mean[c])) / from.std[c];
      }
    }
  }
  return new Map([
    ...weights,
    [weightName, tensor(summed, [out, 1, height, width])],
    [meanName, tensor(mean, runningMean.shape)],
  ]);
}
