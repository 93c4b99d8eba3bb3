import { ShapeError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../tensor/shape.ts';
import type { Sample, Target } from './dataset.ts';
import type { Image } from './image.ts';
import { type Normalization, normalize, type Transform } from './transforms.ts';

/** The input of one step, on the host: `[N, ...]`. */
export interface Inputs {
  /** `[N, ...]`. */
  readonly shape: Shape;
  /** The values, row by row. */
  readonly data: Float32Array;
}

/**
 * The inputs of samples beside each other, as torch.utils.data.default_collate.
 * @throws ShapeError where they are not of one shape, or one has not as many values as its shape says
 */
export function collate(samples: readonly Sample[]): Inputs {
  const [{ shape }] = samples;
  const size = sizeOf(shape);
  const data = new Float32Array(samples.length * size);
  samples.forEach(({ input, shape: own }, i) => {
    if (!sameShape(own, shape) || input.length !== size) {
      throw new ShapeError(
        `collate: a batch wants samples of one shape, got ${formatShape(shape)} and ${formatShape(own)} with ${input.length} values`,
      );
    }
    data.set(input, i * size);
  });
  return { shape: [samples.length, ...shape], data };
}

/**
 * Targets beside each other, `[N, ...shape]`.
 * @throws ShapeError where one has another number of values
 */
export function collateTargets(targets: readonly Target[], shape: Shape): Float32Array {
  const size = sizeOf(shape);
  const data = new Float32Array(targets.length * size);
  targets.forEach((target, i) => {
    const values = typeof target === 'number' ? [target] : target;
    if (values.length !== size) {
      throw new ShapeError(
        `collate: a target has ${values.length} values, the data set's targetShape ${formatShape(shape)} wants ${size}`,
      );
    }
    data.set(values, i * size);
  });
  return data;
}

/**
 * Augments images, each with the random stream of its own, and normalises them.
 * @throws ShapeError where the results are not of one size
 */
export function collateImages(
  images: readonly Image[],
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
