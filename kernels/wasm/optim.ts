/** Optimiser steps, in place, in one pass over a parameter. */
import { defineKernel } from './emit/kernel.ts';
import type { V128 } from './emit/values.ts';

/** torch.optim.SGD: g += decay * p; v = momentum * v + damp * g (v = g at first); p -= lr * (nesterov ? g + momentum * v : v). */
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
      damp: 'f32',
      decay: 'f32',
      sign: 'f32',
    },
    ({ f, p, task }) => {
      const start = f.i32(task.mul(p.chunk));
      const end = f.i32(start.add(p.chunk).min(p.length));
      const [lr, momentum, damp, decay, sign] = [p.lr, p.momentum, p.damp, p.decay, p.sign].map((value) =>
        f.v128(value.splat()),
      );
      const at = f.i32();
      f.for(
        start,
        end,
        (i) => {
          at.set(i.shl(2));
          const param = f.v128(p.param.add(at).v128());
          const direction = f.v128(p.grad.add(at).v128().mul(sign).add(param.mul(decay)));
          if (velocity !== 'none') {
            const previous = p.velocity.add(at).v128();
            const next = f.v128(
              velocity === 'first' ? direction : previous.mul(momentum).add(direction.mul(damp)),
            );
            f.store(p.velocity.add(at), next);
            direction.set(nesterov ? direction.add(next.mul(momentum)) : next);
          }
          f.store(p.param.add(at), param.sub(direction.mul(lr)));
        },
        4,
      );
    },
  );

/**
 * torch.optim.Adam: m and v are running means of g and g^2; p -= size * m / (sqrt(v) / root + eps) with
 * size = lr / (1 - beta1^step) and root = sqrt(1 - beta2^step); `shrink` is 1 - lr * decay for AdamW, else 1.
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
    size: 'f32',
    root: 'f32',
    beta1: 'f32',
    rest1: 'f32',
    beta2: 'f32',
    rest2: 'f32',
    eps: 'f32',
    decay: 'f32',
    shrink: 'f32',
  },
  ({ f, p, task }) => {
    const start = f.i32(task.mul(p.chunk));
    const end = f.i32(start.add(p.chunk).min(p.length));
    const splat = (value: { splat(): V128 }) => f.v128(value.splat());
    const [size, root, beta1, rest1] = [p.size, p.root, p.beta1, p.rest1].map(splat);
    const [beta2, rest2, eps, decay, shrink] = [p.beta2, p.rest2, p.eps, p.decay, p.shrink].map(splat);
    const at = f.i32();
    f.for(
      start,
      end,
      (i) => {
        at.set(i.shl(2));
        const param = f.v128(p.param.add(at).v128());
        const grad = f.v128(p.grad.add(at).v128().add(param.mul(decay)));
        const mean = f.v128(p.mean.add(at).v128().mul(beta1).add(grad.mul(rest1)));
        const square = f.v128(p.square.add(at).v128().mul(beta2).add(grad.mul(grad).mul(rest2)));
        f.store(p.mean.add(at), mean);
        f.store(p.square.add(at), square);
        const step = mean.mul(size).div(square.sqrt().div(root).add(eps));
        f.store(p.param.add(at), param.mul(shrink).sub(step));
      },
      4,
    );
  },
);
