import { Batch } from '../data/batch.ts';
import { ShapeError } from '../errors.ts';
import type { Generator } from '../tensor/random.ts';
import { formatShape } from '../tensor/shape.ts';

/**
 * Mixes each image and its label with those of another image of the batch, in the shares lambda and 1 - lambda, where
 * lambda is drawn from Beta(alpha, alpha) once a batch (Zhang et al. 2018, "mixup: beyond empirical risk minimization",
 * section 2). Of lambda and 1 - lambda the greater is the share of the image itself, which by symmetry is the same, so
 * that the image's own label is still the one to score it by. Weights are mixed so that the loss is lambda times that of
 * the one label and 1 - lambda times that of the other, each with its own weight.
 * @throws ShapeError for other targets than one number a sample, `[1]`
 */
export function mixup(batch: Batch, alpha: number, random: Generator): Batch {
  if (String(batch.targetShape) !== '1') {
    throw new ShapeError(
      `mixup: wants one target of 0 to 1 a sample, [1], got targets of ${formatShape(batch.targetShape)}`,
    );
  }
  const { indices, shape, inputs, targets, weights, size, targetShape } = batch;
  const drawn = drawBeta(alpha, random);
  const lambda = Math.max(drawn, 1 - drawn);
  const partners = random.permutation(size);
  const length = inputs.length / size;
  const mixed = new Float32Array(inputs.length);
  partners.forEach((partner, i) => {
    const [own, other] = [i * length, partner * length];
    for (let j = 0; j < length; j++) {
      mixed[own + j] = lambda * inputs[own + j] + (1 - lambda) * inputs[other + j];
    }
  });
  const shares = partners.map((partner, i) => {
    const [own, other] = [lambda * (weights?.[i] ?? 1), (1 - lambda) * (weights?.[partner] ?? 1)];
    const weight = own + other;
    return {
      weight,
      target: weight > 0 ? (own * targets[i] + other * targets[partner]) / weight : targets[i],
    };
  });
  return new Batch(
    indices,
    shape,
    mixed,
    Float32Array.from(shares, ({ target }) => target),
    weights && Float32Array.from(shares, ({ weight }) => weight),
    targetShape,
  );
}

/** A draw from Beta(alpha, alpha): g / (g + h) of two Gamma(alpha) draws, by their logarithms, as small alphas underflow. */
export function drawBeta(alpha: number, random: Generator): number {
  const difference = logGamma(alpha, random) - logGamma(alpha, random);
  return 1 / (1 + Math.exp(-difference));
}

/** The logarithm of a draw from Gamma(alpha, 1) (Marsaglia & Tsang 2000, sections 2 and 6). */
function logGamma(alpha: number, random: Generator): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(1 - random.random()) / alpha;
  const d = alpha - 1 / 3;
  for (;;) {
    const [x] = random.normal(1);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.random()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) {
      return Math.log(d * v);
    }
  }
}
