import type { ChannelGeometry } from '../primitives.ts';
import { float, type Program, type ProgramInput, remainder } from './program/program.ts';

/** Values that one thread sums. */
const CHUNK = 256;

/** How the [batch, spatial] values of a channel are cut for the first pass of a sum: `parts` along each plane. */
export function channelParts(g: ChannelGeometry): number {
  return Math.ceil(g.spatial / CHUNK);
}

/** What is summed over each channel. */
export type ChannelTerm = 'x' | 'squaredDeviation' | 'product';

const TERMS: Record<ChannelTerm, { inputs: readonly string[]; term: (at: string) => string }> = {
  x: { inputs: [], term: (at) => `x${at}` },
  squaredDeviation: { inputs: ['mean'], term: (at) => `(x${at} - centre) * (x${at} - centre)` },
  product: { inputs: ['dy', 'mean'], term: (at) => `dy${at} * (x${at} - centre)` },
};

/** Partial sums `[batch, channels, parts]` of a term over x, (x - mean)^2 or dy * (x - mean). */
export function channelSumsProgram(term: ChannelTerm, g: ChannelGeometry): Program {
  const { batch, channels, spatial } = g;
  const parts = channelParts(g);
  const chunk = Math.ceil(spatial / parts);
  const plane = { x: 'this.thread.y', p: parts === 1 ? '0' : 'this.thread.x' };
  const output = parts === 1 ? [batch * channels] : [parts, batch * channels];
  if (parts === 1) plane.x = 'this.thread.x';
  const { inputs, term: text } = TERMS[term];
  const dims = [spatial, batch * channels, 1] as const;
  const index = parts === 1 ? 'i' : `i * ${parts} + ${plane.p}`;
  const add = `acc += ${text(`[${plane.x}][${index}]`)};`;
  return {
    inputs: [
      { name: 'x', dims },
      ...inputs.map((name): ProgramInput => (name === 'dy' ? { name, dims } : { name })),
    ],
    output,
    body: `${inputs.includes('mean') ? `const centre = mean[${remainder(plane.x, channels)}];` : ''}
let acc = 0.0;
for (let i = 0; i < ${chunk}; i++) {
${parts * chunk === spatial ? add : `if (${index} < ${spatial}) { ${add} }`}
}
return acc;`,
  };
}

/** The second pass: `[batch, channels, parts] -> [channels]`, times `factor`. */
export function channelTotalsProgram(g: ChannelGeometry): Program {
  const parts = channelParts(g);
  return {
    inputs: [{ name: 'sums', dims: [parts, g.channels, g.batch] }],
    scalars: ['factor'],
    output: [g.channels],
    body: `let acc = 0.0;
for (let n = 0; n < ${g.batch}; n++) {
for (let p = 0; p < ${parts}; p++) {
acc += sums[n][this.thread.x][p];
}
}
return acc * factor;`,
  };
}

const channelOf = (g: ChannelGeometry) => `const c = ${remainder('this.thread.y', g.channels)};`;
const planeDims = (g: ChannelGeometry) => [g.spatial, g.batch * g.channels, 1] as const;

/** weight / sqrt(variance + eps) `[channels]`; without a weight, the reciprocal deviation. */
export function channelScaleProgram(g: ChannelGeometry, weight: boolean): Program {
  const inputs: ProgramInput[] = [{ name: 'variance' }];
  if (weight) inputs.push({ name: 'weight' });
  return {
    inputs,
    scalars: ['eps'],
    output: [g.channels],
    body: `return ${weight ? 'weight[this.thread.x]' : '1.0'} / Math.sqrt(variance[this.thread.x] + eps);`,
  };
}

/** (x - mean) * scale (+ bias) */
export function batchNormProgram(g: ChannelGeometry, bias: boolean): Program {
  const inputs: ProgramInput[] = [{ name: 'x', dims: planeDims(g) }, { name: 'mean' }, { name: 'scale' }];
  if (bias) inputs.push({ name: 'bias' });
  return {
    inputs,
    output: [g.spatial, g.batch * g.channels],
    body: `${channelOf(g)}
return (x[this.thread.y][this.thread.x] - mean[c]) * scale[c]${bias ? ' + bias[c]' : ''};`,
  };
}

/** a * b `[channels]` */
export function channelProductProgram(g: ChannelGeometry): Program {
  return {
    inputs: [{ name: 'a' }, { name: 'b' }],
    output: [g.channels],
    body: 'return a[this.thread.x] * b[this.thread.x];',
  };
}

/**
 * dx = scale * (dy - (dBias + (x - mean) * rstd * dWeight) / count): Ioffe & Szegedy (2015), section 3, with the sums
 * that are the parameters' gradients put in; `scale` is weight * rstd.
 */
export function batchNormInputGradProgram(g: ChannelGeometry): Program {
  const reciprocal = float(1 / (g.batch * g.spatial));
  return {
    inputs: [
      { name: 'dy', dims: planeDims(g) },
      { name: 'x', dims: planeDims(g) },
      ...['mean', 'rstd', 'scale', 'dWeight', 'dBias'].map((name) => ({ name })),
    ],
    output: [g.spatial, g.batch * g.channels],
    body: `${channelOf(g)}
const slope = (x[this.thread.y][this.thread.x] - mean[c]) * rstd[c] * dWeight[c];
return scale[c] * (dy[this.thread.y][this.thread.x] - (dBias[c] + slope) * ${reciprocal});`,
  };
}

/** dx = scale * dy: mean and variance are constants. */
export function batchNormScaleGradProgram(g: ChannelGeometry): Program {
  return {
    inputs: [{ name: 'dy', dims: planeDims(g) }, { name: 'scale' }],
    output: [g.spatial, g.batch * g.channels],
    body: `${channelOf(g)}\nreturn scale[c] * dy[this.thread.y][this.thread.x];`,
  };
}
