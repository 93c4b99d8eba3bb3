import type { Program } from './program.ts';

/** What of a step's settings shapes the program; the numbers are arguments. */
export interface SgdVariant {
  readonly length: number;
  readonly velocity: boolean;
  readonly nesterov: boolean;
  readonly maximize: boolean;
}

const I = '[this.thread.x]';

/** g: the gradient, turned round for `maximize`, with L2 weight decay. */
const decayed = (maximize: boolean) => `const g = weightDecay * param${I} ${maximize ? '-' : '+'} grad${I};`;

/** velocity = momentum * velocity + (1 - dampening) * g, or g itself on the first step. */
export function sgdVelocityProgram({ length, velocity, maximize }: SgdVariant): Program {
  const inputs = ['param', 'grad', ...(velocity ? ['velocity'] : [])];
  return {
    inputs: inputs.map((name) => ({ name })),
    scalars: ['weightDecay', ...(velocity ? ['momentum', 'dampening'] : [])],
    output: [length],
    body: `${decayed(maximize)}
return ${velocity ? `momentum * velocity${I} + (1.0 - dampening) * g` : 'g'};`,
  };
}

/** param - lr * velocity; Nesterov: param - lr * (g + momentum * velocity); without a velocity: param - lr * g. */
export function sgdParamProgram({ length, velocity, nesterov, maximize }: SgdVariant): Program {
  const needsGradient = nesterov || !velocity;
  const inputs = ['param', ...(needsGradient ? ['grad'] : []), ...(velocity ? ['velocity'] : [])];
  const momentum = velocity && nesterov;
  const direction = momentum ? `(g + momentum * velocity${I})` : velocity ? `velocity${I}` : 'g';
  return {
    inputs: inputs.map((name) => ({ name })),
    scalars: ['lr', ...(needsGradient ? ['weightDecay'] : []), ...(momentum ? ['momentum'] : [])],
    output: [length],
    body: `${needsGradient ? decayed(maximize) : ''}
return param${I} - lr * ${direction};`,
  };
}

/** One of Adam's moments: beta * moment + (1 - beta) * g, or g^2. `weightDecay` is Adam's L2 penalty. */
export function adamMomentProgram(length: number, squared: boolean): Program {
  return {
    inputs: ['param', 'grad', 'moment'].map((name) => ({ name })),
    scalars: ['beta', 'weightDecay'],
    output: [length],
    body: `const g = grad${I} + weightDecay * param${I};
return beta * moment${I} + (1.0 - beta) * ${squared ? 'g * g' : 'g'};`,
  };
}

/** param * keep - stepSize * mean / (sqrt(square) * rootCorrection + eps) */
export function adamParamProgram(length: number): Program {
  return {
    inputs: ['param', 'mean', 'square'].map((name) => ({ name })),
    scalars: ['keep', 'stepSize', 'rootCorrection', 'eps'],
    output: [length],
    body: `return param${I} * keep - stepSize * mean${I} / (Math.sqrt(square${I}) * rootCorrection + eps);`,
  };
}
