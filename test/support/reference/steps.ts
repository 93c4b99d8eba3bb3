import type { AdamStep, SgdStep } from '../../../lib/devices/device.ts';

type Values = ArrayLike<number>;

export function sgd(
  param: Values,
  grad: Values,
  velocity: Values | null,
  s: SgdStep,
): { param: Float64Array; velocity: Float64Array | null } {
  const step = Float64Array.from(grad, (g, i) => (s.maximize ? -g : g) + s.weightDecay * param[i]);
  const after =
    s.momentum === 0
      ? null
      : step.map((g, i) => (velocity ? s.momentum * velocity[i] + (1 - s.dampening) * g : g));
  const direction = step.map((g, i) => {
    if (!after) return g;
    return s.nesterov ? g + s.momentum * after[i] : after[i];
  });
  return { param: direction.map((d, i) => param[i] - s.lr * d), velocity: after };
}

export function adam(
  param: Values,
  grad: Values,
  mean: Values,
  square: Values,
  s: AdamStep,
): { param: Float64Array; mean: Float64Array; square: Float64Array } {
  const step = Float64Array.from(grad, (g, i) => g + (s.decoupled ? 0 : s.weightDecay * param[i]));
  const newMean = step.map((g, i) => s.beta1 * mean[i] + (1 - s.beta1) * g);
  const newSquare = step.map((g, i) => s.beta2 * square[i] + (1 - s.beta2) * g * g);
  const newParam = step.map((_, i) => {
    const decayed = param[i] * (s.decoupled ? 1 - s.lr * s.weightDecay : 1);
    const meanHat = newMean[i] / (1 - s.beta1 ** s.step);
    const squareHat = newSquare[i] / (1 - s.beta2 ** s.step);
    return decayed - (s.lr * meanHat) / (Math.sqrt(squareHat) + s.eps);
  });
  return { param: newParam, mean: newMean, square: newSquare };
}
