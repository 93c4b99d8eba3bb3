/** Batch norm over planes of many sizes, and optimisers' steps one after another. */
import type { Case } from '../case.ts';
import { between, pick, wide as values } from '../drawing.ts';

const batchNorm: Case[] = [true, false].flatMap((training) =>
  [true, false].map((affine) => ({
    name: `batchNorm${training ? '' : ' by running statistics'}${affine ? '' : ' without weight'}`,
    run(device, random) {
      const g = {
        ...{ batch: between(random, 1, 4), channels: between(random, 1, 7) },
        spatial: pick(random, [1, 5, 49, 300, 700]),
      };
      const geometry = { ...g, channels: [g.channels], eps: 1e-5, relu: false };
      const n = g.batch * g.channels * g.spatial;
      const x = device.upload(values(random, n, 0.5, 3));
      const dy = device.upload(values(random, n));
      const weight = affine ? device.upload(values(random, g.channels)) : null;
      const bias = affine ? device.upload(values(random, g.channels)) : null;
      const own = device.batchNormStatistics(x, g);
      const wide = g.batch * g.spatial > 4;
      const mean = training && wide ? own.mean : device.upload(values(random, g.channels));
      const variance = training && wide ? own.variance : device.upload(values(random, g.channels, 0.5, 2));
      const operands = { mean, variance, weight, bias, residual: null };
      const grads = device.batchNormGrad(dy, [x], operands, { ...geometry, training });
      const y = device.batchNorm([x], operands, geometry);
      return [own.mean, own.variance, y, ...grads.inputs, grads.weight, grads.bias];
    },
  })),
);

const optimizers: Case[] = [
  ...[0, 0.9].flatMap((momentum) =>
    [false, true].flatMap((nesterov) =>
      [false, true].map(
        (maximize): Case => ({
          name: `sgdStep momentum ${momentum}${nesterov ? ' nesterov' : ''}${maximize ? ' maximize' : ''}`,
          run(device, random) {
            const n = between(random, 1, 500);
            const dampening = nesterov ? 0 : 0.1;
            const step = {
              lr: 0.1,
              momentum,
              dampening,
              weightDecay: 0.01,
              nesterov: nesterov && momentum > 0,
              maximize,
            };
            const grads = [values(random, n), values(random, n)].map((values) => device.upload(values));
            const first = device.sgdStep(device.upload(values(random, n)), grads[0], null, step);
            const second = device.sgdStep(first.param, grads[1], first.velocity, { ...step, lr: 0.05 });
            return second.velocity ? [second.param, second.velocity] : [second.param];
          },
        }),
      ),
    ),
  ),
  ...[false, true].map(
    (decoupled): Case => ({
      name: `adamStep${decoupled ? ' decoupled' : ''}`,
      run(device, random) {
        const n = between(random, 1, 500);
        const step = { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1, decoupled };
        let state = {
          param: device.upload(values(random, n)),
          mean: device.fill(n, 0),
          square: device.fill(n, 0),
        };
        for (const number of [1, 2, 3]) {
          const grad = device.upload(values(random, n));
          state = device.adamStep(state.param, grad, state.mean, state.square, { ...step, step: number });
        }
        return [state.param, state.mean, state.square];
      },
    }),
  ),
];

export const STEP_CORNERS: readonly Case[] = [...batchNorm, ...optimizers];
