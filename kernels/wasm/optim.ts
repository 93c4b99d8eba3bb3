/** Optimiser steps, in place, in one pass over a parameter. */
import type { Storage } from '../primitives.ts';
import { defineKernel } from './emit/kernel.ts';
import type { V128 } from './emit/values.ts';
import type { Family, Machine } from './machine.ts';
import { CHUNK, chunks } from './tasks.ts';

/**
 * torch.optim.SGD: g += weightDecay * p; v = momentum * v + (1 - dampening) * g (v = g at first);
 * p -= lr * (nesterov ? g + momentum * v : v).
 */
export const sgdKernel = (velocity: 'none' | 'first' | 'later', nesterov: boolean) =>
  defineKernel(
    `sgd ${velocity} ${nesterov}`,
    {
      param: 'i32',
      grad: 'i32',
      velocity: 'i32',
      length: 'i32',
      chunk: 'i32',
      lr: 'f32',
      momentum: 'f32',
      oneMinusDampening: 'f32',
      weightDecay: 'f32',
      sign: 'f32',
    },
    ({ f, p, task }) => {
      const start = f.i32(task.mul(p.chunk));
      const end = f.i32(start.add(p.chunk).min(p.length));
      const [lr, momentum, oneMinusDampening, weightDecay, sign] = [
        p.lr,
        p.momentum,
        p.oneMinusDampening,
        p.weightDecay,
        p.sign,
      ].map((value) => f.v128(value.splat()));
      const offset = f.i32();
      f.for(
        start,
        end,
        (i) => {
          offset.set(i.shl(2));
          const param = f.v128(p.param.add(offset).v128());
          const direction = f.v128(p.grad.add(offset).v128().mul(sign).add(param.mul(weightDecay)));
          if (velocity !== 'none') {
            const previous = p.velocity.add(offset).v128();
            const next = f.v128(
              velocity === 'first' ? direction : previous.mul(momentum).add(direction.mul(oneMinusDampening)),
            );
            f.store(p.velocity.add(offset), next);
            direction.set(nesterov ? direction.add(next.mul(momentum)) : next);
          }
          f.store(p.param.add(offset), param.sub(direction.mul(lr)));
        },
        4,
      );
    },
  );

/**
 * torch.optim.Adam: m and v are running means of g and g^2; p -= stepSize * m / (sqrt(v) / sqrtBiasCorrection2 + eps)
 * with stepSize = lr / (1 - beta1^step) and sqrtBiasCorrection2 = sqrt(1 - beta2^step); `decayFactor` is
 * 1 - lr * weightDecay for AdamW, else 1.
 */
export const adamKernel = defineKernel(
  'adam',
  {
    param: 'i32',
    grad: 'i32',
    mean: 'i32',
    square: 'i32',
    length: 'i32',
    chunk: 'i32',
    stepSize: 'f32',
    sqrtBiasCorrection2: 'f32',
    beta1: 'f32',
    oneMinusBeta1: 'f32',
    beta2: 'f32',
    oneMinusBeta2: 'f32',
    eps: 'f32',
    weightDecay: 'f32',
    decayFactor: 'f32',
  },
  ({ f, p, task }) => {
    const start = f.i32(task.mul(p.chunk));
    const end = f.i32(start.add(p.chunk).min(p.length));
    const splat = (value: { splat(): V128 }) => f.v128(value.splat());
    const [stepSize, sqrtBiasCorrection2, beta1, oneMinusBeta1] = [
      p.stepSize,
      p.sqrtBiasCorrection2,
      p.beta1,
      p.oneMinusBeta1,
    ].map(splat);
    const [beta2, oneMinusBeta2, eps, weightDecay, decayFactor] = [
      p.beta2,
      p.oneMinusBeta2,
      p.eps,
      p.weightDecay,
      p.decayFactor,
    ].map(splat);
    const offset = f.i32();
    f.for(
      start,
      end,
      (i) => {
        offset.set(i.shl(2));
        const param = f.v128(p.param.add(offset).v128());
        const grad = f.v128(p.grad.add(offset).v128().add(param.mul(weightDecay)));
        const mean = f.v128(p.mean.add(offset).v128().mul(beta1).add(grad.mul(oneMinusBeta1)));
        const square = f.v128(p.square.add(offset).v128().mul(beta2).add(grad.mul(grad).mul(oneMinusBeta2)));
        f.store(p.mean.add(offset), mean);
        f.store(p.square.add(offset), square);
        const step = mean.mul(stepSize).div(square.sqrt().div(sqrtBiasCorrection2).add(eps));
        f.store(p.param.add(offset), param.mul(decayFactor).sub(step));
      },
      4,
    );
  },
);

export function optimizerSteps<S extends Storage>({
  launcher,
  allocate,
  addressOf,
}: Machine<S>): Family<S, 'sgdStep' | 'adamStep'> {
  return {
    sgdStep(param, grad, velocity, s) {
      const kind = s.momentum === 0 ? 'none' : velocity ? 'later' : 'first';
      const nextVelocity = s.momentum === 0 ? null : (velocity ?? allocate(param.length));
      launcher.packed.forget(addressOf(param));
      const { tasks, chunk } = chunks(param.length, CHUNK);
      launcher.launch(sgdKernel(kind, s.nesterov), tasks, {
        param: addressOf(param),
        grad: addressOf(grad),
        velocity: nextVelocity ? addressOf(nextVelocity) : 0,
        length: param.length,
        chunk,
        lr: s.lr,
        momentum: s.momentum,
        oneMinusDampening: 1 - s.dampening,
        weightDecay: s.weightDecay,
        sign: s.maximize ? -1 : 1,
      });
      return { param, velocity: nextVelocity };
    },

    adamStep(param, grad, mean, square, s) {
      launcher.packed.forget(addressOf(param));
      const { tasks, chunk } = chunks(param.length, CHUNK);
      launcher.launch(adamKernel, tasks, {
        param: addressOf(param),
        grad: addressOf(grad),
        mean: addressOf(mean),
        square: addressOf(square),
        length: param.length,
        chunk,
        stepSize: s.lr / (1 - s.beta1 ** s.step),
        sqrtBiasCorrection2: Math.sqrt(1 - s.beta2 ** s.step),
        beta1: s.beta1,
        oneMinusBeta1: 1 - s.beta1,
        beta2: s.beta2,
        oneMinusBeta2: 1 - s.beta2,
        eps: s.eps,
        weightDecay: s.decoupled ? 0 : s.weightDecay,
        decayFactor: s.decoupled ? 1 - s.lr * s.weightDecay : 1,
      });
      return { param, mean, square };
    },
  };
}
