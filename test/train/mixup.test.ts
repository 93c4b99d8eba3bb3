import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Batch } from '../../lib/data/batch.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { drawBeta, mixup } from '../../lib/train/mixup.ts';

const inputs = Float32Array.of(1, 10, 2, 20, 3, 30);
const targets = Float32Array.of(0, 1, 1);
const make = (weights: Float32Array | null) => new Batch([7, 8, 9], [3, 1, 1, 2], inputs, targets, weights);

/** What `mixup` drew under a seed: the share of an image itself, and the other image that it is mixed with. */
function drawn(seed: number, alpha: number) {
  const random = new Generator(seed);
  const lambda = drawBeta(alpha, random);
  return { lambda: Math.max(lambda, 1 - lambda), partners: random.permutation(3) };
}

test('images and labels are mixed in one share, the own one the greater', () => {
  const { lambda, partners } = drawn(6, 1);
  const mixed = mixup(make(null), 1, new Generator(6));
  assert.ok(lambda >= 0.5 && lambda < 1);
  assert.ok(partners.some((partner, i) => partner !== i));
  partners.forEach((partner, i) => {
    const blend = (own: number, other: number) => Math.fround(lambda * own + (1 - lambda) * other);
    assert.is(mixed.inputs[2 * i], blend(inputs[2 * i], inputs[2 * partner]));
    assert.is(mixed.inputs[2 * i + 1], blend(inputs[2 * i + 1], inputs[2 * partner + 1]));
    assert.ok(Math.abs(mixed.targets[i] - blend(targets[i], targets[partner])) < 1e-7);
  });
  assert.is(mixed.weights, null);
  assert.equal(
    [mixed.indices, mixed.shape],
    [
      [7, 8, 9],
      [3, 1, 1, 2],
    ],
  );
});

test('the loss is that of both labels, each with its own weight', () => {
  const weights = Float32Array.of(0.25, 2, 0);
  const crossEntropy = (logit: number, y: number) => Math.log1p(Math.exp(-logit)) + (1 - y) * logit;
  for (const seed of [1, 2, 3, 4]) {
    const { lambda, partners } = drawn(seed, 0.3);
    const mixed = mixup(make(weights), 0.3, new Generator(seed));
    partners.forEach((partner, i) => {
      const logit = 0.7 - i;
      const wanted =
        lambda * weights[i] * crossEntropy(logit, targets[i]) +
        (1 - lambda) * weights[partner] * crossEntropy(logit, targets[partner]);
      const got = (mixed.weights?.[i] ?? Number.NaN) * crossEntropy(logit, mixed.targets[i]);
      assert.ok(Math.abs(got - wanted) < 1e-6, `seed ${seed}, image ${i}: ${got}, wants ${wanted}`);
    });
  }
});

test('lambda has the mean and the variance of Beta(alpha, alpha)', () => {
  const random = new Generator(1);
  for (const alpha of [0.02, 0.2, 1, 4]) {
    const draws = Array.from({ length: 20_000 }, () => drawBeta(alpha, random));
    assert.ok(draws.every((draw) => draw >= 0 && draw <= 1));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    const wanted = 1 / (4 * (2 * alpha + 1));
    assert.ok(Math.abs(mean - 0.5) < 0.015, `alpha ${alpha}: mean ${mean}`);
    assert.ok(
      Math.abs(variance / wanted - 1) < 0.04,
      `alpha ${alpha}: variance ${variance}, wants ${wanted}`,
    );
  }
});

test.run();
