import type { Pointwise } from './program/pointwise.ts';

/** What of a step's settings shapes the program; the numbers are arguments. */
export interface SgdVariant {
  /** Whether there is a velocity, and whether one was there before. */
  readonly momentum: boolean;
  readonly velocity: boolean;
  readonly nesterov: boolean;
  readonly maximize: boolean;
}

/** The new parameter; with momentum, the new velocity too: torch.optim.SGD's step. */
export function sgdStep({ momentum, velocity, nesterov, maximize }: SgdVariant): Pointwise {
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
 * The new parameter and moments: torch.optim.Adam's step. `weightDecay` is the L2 penalty; `keep` is 1 - lr * decay
 * of AdamW; `stepSize` is lr / (1 - beta1^t), `rootCorrection` 1 / sqrt(1 - beta2^t).
 */
export function adamStep(): Pointwise {
  const gradient = 'const g = grad + weightDecay * param;';
  const mean = 'beta1 * mean + (1.0 - beta1) * g';
  const square = 'beta2 * square + (1.0 - beta2) * g * g';
  return {
    inputs: ['param', 'grad', 'mean', 'square'],
    scalars: ['beta1', 'beta2', 'weightDecay', 'keep', 'stepSize', 'rootCorrection', 'eps'],
    results: [
      `${gradient}
const m = ${mean};
const s = ${square};
return param * keep - stepSize * m / (Math.sqrt(s) * rootCorrection + eps);`,
      `${gradient}\nreturn ${mean};`,
      `${gradient}\nreturn ${square};`,
    ],
  };
}
