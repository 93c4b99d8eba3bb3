import type { Storage } from '../primitives.ts';
import { type Family, type GpuMachine, keyOf, present } from './machine.ts';
import type { Pointwise } from './program/pointwise.ts';

/** What of a step's settings shapes the program; the numbers are arguments. */
interface SgdVariant {
  /** Whether there is a velocity, and whether one was there before. */
  readonly momentum: boolean;
  readonly velocity: boolean;
  readonly nesterov: boolean;
  readonly maximize: boolean;
}

/** The new parameter; with momentum, the new velocity too: torch.optim.SGD's step. */
function sgdProgram({ momentum, velocity, nesterov, maximize }: SgdVariant): Pointwise {
  const gradient = `const g = weightDecay * param ${maximize ? '-' : '+'} grad;`;
  const next = velocity ? 'momentum * velocity + (1.0 - dampening) * g' : 'g';
  const direction = nesterov ? 'g + momentum * v' : 'v';
  return {
    inputs: ['param', 'grad', ...(velocity ? ['velocity'] : [])],
    scalars: ['lr', 'momentum', 'dampening', 'weightDecay'],
    results: momentum
      ? [
          `${gradient}\nconst v = ${next};\nreturn param - lr * (${direction});`,
          `${gradient}\nreturn ${next};`,
        ]
      : [`${gradient}\nreturn param - lr * g;`],
  };
}

/**
 * The new parameter and moments: torch.optim.Adam's step. `weightDecay` is the L2 penalty; `decayFactor` is 1 - lr *
 * weightDecay of AdamW; `stepSize` is lr / (1 - beta1^t), `squareScale` 1 / sqrt(1 - beta2^t).
 */
function adamProgram(): Pointwise {
  const gradient = 'const g = grad + weightDecay * param;';
  const mean = 'beta1 * mean + (1.0 - beta1) * g';
  const square = 'beta2 * square + (1.0 - beta2) * g * g';
  return {
    inputs: ['param', 'grad', 'mean', 'square'],
    scalars: ['beta1', 'beta2', 'weightDecay', 'decayFactor', 'stepSize', 'squareScale', 'eps'],
    results: [
      `${gradient}
const m = ${mean};
const s = ${square};
return param * decayFactor - stepSize * m / (Math.sqrt(s) * squareScale + eps);`,
      `${gradient}\nreturn ${mean};`,
      `${gradient}\nreturn ${square};`,
    ],
  };
}

export function optimizerSteps<S extends Storage>(machine: GpuMachine<S>): Family<S, 'sgdStep' | 'adamStep'> {
  return {
    sgdStep(param, grad, velocity, step) {
      const { lr, momentum, dampening, weightDecay, nesterov, maximize } = step;
      const old = momentum === 0 ? null : velocity;
      const variant = { momentum: momentum !== 0, velocity: old !== null, nesterov, maximize };
      const [next, nextVelocity] = machine.pointwise(
        keyOf('sgdStep', variant),
        () => sgdProgram(variant),
        present(param, grad, old),
        [lr, momentum, dampening, weightDecay],
      );
      return { param: next, velocity: nextVelocity ?? null };
    },

    adamStep(param, grad, mean, square, step) {
      const { lr, beta1, beta2, eps, weightDecay, decoupled } = step;
      const penalty = decoupled ? 0 : weightDecay;
      const decayFactor = decoupled ? 1 - lr * weightDecay : 1;
      const stepSize = lr / (1 - beta1 ** step.step);
      const squareScale = 1 / Math.sqrt(1 - beta2 ** step.step);
      const [next, nextMean, nextSquare] = machine.pointwise(
        'adamStep',
        adamProgram,
        [param, grad, mean, square],
        [beta1, beta2, penalty, decayFactor, stepSize, squareScale, eps],
      );
      return { param: next, mean: nextMean, square: nextSquare };
    },
  };
}
