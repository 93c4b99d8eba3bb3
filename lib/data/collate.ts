import { ShapeError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';
import type { GrayImage } from './image.ts';
import { type Normalization, normalize, type Transform } from './transforms.ts';

/** The input of one step, on the host: x `[N, C, H, W]`. */
export interface Inputs {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Augments images, each with the random stream of its own, and normalises them.
 * @throws ShapeError where the results are not of one size
 */
export function assembleInputs(
  images: readonly GrayImage[],
  streams: readonly number[],
  seed: number,
  augment: Transform | null,
  normalization: Normalization,
): Inputs {
  const changed = augment
    ? images.map((image, i) => augment(image, new Generator(seed, streams[i])))
    : images;
  const [{ width, height }] = changed;
  const odd = changed.find((image) => image.width !== width || image.height !== height);
  if (odd) {
    throw new ShapeError(
      `DataLoader: a batch wants images of one size, got ${height}x${width} and ${odd.height}x${odd.width}`,
    );
  }
  const channels = normalization.mean.length;
  const size = channels * height * width;
  const data = new Float32Array(changed.length * size);
  changed.forEach((image, i) => {
    normalize(image, normalization, data, i * size);
  });
  return { shape: [changed.length, channels, height, width], data };
}
