/** Random arguments for batch normalisation. */
import type { BatchNormGeometry, BatchNormOperands, Storage } from '../../../lib/devices/device.ts';
import type { Generator } from '../../../lib/tensor/random.ts';
import { between, chance, count, type Draw, size, values } from '../drawing.ts';

function normalisation(random: Generator) {
  const large = chance(random, 0.2);
  const parts = chance(random, 0.4) ? between(random, 2, 4) : 1;
  const g = {
    batch: count(random, 2, 5),
    channels: Array.from({ length: parts }, () => size(random, large ? 5 : Math.floor(65 / parts))),
    spatial: large ? between(random, 500, 5000) : size(random),
    eps: 1e-5,
    relu: chance(random, 0.5),
  };
  const channels = g.channels.reduce((sum, n) => sum + n);
  const length = g.batch * channels * g.spatial;
  const affine = chance(random, 0.7);
  const draw = {
    g,
    has: { weight: affine, bias: affine !== chance(random, 0.1), residual: chance(random, 0.4) },
    xs: g.channels.map((n) => values(random, g.batch * n * g.spatial, -1, 3)),
    dy: values(random, length),
    perChannel: [
      values(random, channels, 0, 2),
      values(random, channels, 0.5, 2),
      values(random, channels, 0.5, 2),
      values(random, channels, -1, 1),
    ],
    residual: values(random, length),
  };
  clearEdge(draw);
  return draw;
}

/** Moves values of xs where the ReLU's operand is so near 0 that rounding would decide on its gradient. */
function clearEdge({
  g,
  has,
  xs,
  perChannel: [mean, variance, weight, bias],
  residual,
}: {
  g: BatchNormGeometry;
  has: { weight: boolean; bias: boolean; residual: boolean };
  xs: readonly Float32Array[];
  perChannel: readonly Float32Array[];
  residual: Float32Array;
}): void {
  const total = mean.length;
  let first = 0;
  xs.forEach((x, part) => {
    const channels = g.channels[part];
    for (let i = 0; i < x.length; i++) {
      const [n, position] = [Math.floor(i / (channels * g.spatial)), i % (channels * g.spatial)];
      const c = first + Math.floor(position / g.spatial);
      const scale = (has.weight ? weight[c] : 1) / Math.sqrt(variance[c] + g.eps);
      const added = has.residual ? residual[(n * total + first) * g.spatial + position] : 0;
      const operand = (x[i] - mean[c]) * scale + (has.bias ? bias[c] : 0) + added;
      if (Math.abs(operand) < 1e-3) x[i] += 0.01;
    }
    first += channels;
  });
}

/** The operands that are not null. */
const present = <S extends Storage>(
  has: { weight: boolean; bias: boolean; residual: boolean },
  { weight, bias, residual, ...statistics }: Record<keyof BatchNormOperands<S>, S>,
): BatchNormOperands<S> => ({
  ...statistics,
  weight: has.weight ? weight : null,
  bias: has.bias ? bias : null,
  residual: has.residual ? residual : null,
});

export const RANDOM_BATCH_NORMS = {
  batchNormStatistics: (random) => {
    const { g, xs } = normalisation(random);
    const geometry = { ...g, channels: g.channels[0] };
    return {
      arguments: geometry,
      inputs: [xs[0]],
      call: (device, [x]) => {
        const { mean, variance } = device.batchNormStatistics(x, geometry);
        return [mean, variance];
      },
    };
  },
  batchNorm: (random) => {
    const { g, has, xs, perChannel, residual } = normalisation(random);
    return {
      arguments: [g, has],
      inputs: [...perChannel, residual, ...xs],
      call: (device, [mean, variance, weight, bias, residual, ...xs]) => [
        device.batchNorm(xs, present(has, { mean, variance, weight, bias, residual }), g),
      ],
    };
  },
  batchNormGrad: (random) => {
    const { g, has, xs, dy, perChannel, residual } = normalisation(random);
    const training = chance(random, 0.6);
    return {
      arguments: [g, has, { training }],
      inputs: [dy, ...perChannel, residual, ...xs],
      call: (device, [dy, mean, variance, weight, bias, residual, ...xs]) => {
        const operands = present(has, { mean, variance, weight, bias, residual });
        const grads = device.batchNormGrad(dy, xs, operands, { ...g, training });
        return [grads.weight, grads.bias, grads.residual, ...grads.inputs];
      },
    };
  },
} satisfies Record<string, (random: Generator) => Draw>;
