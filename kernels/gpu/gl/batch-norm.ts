import type { ChannelGeometry } from '../../primitives.ts';
import { type ChannelTerm, channelParts } from '../batch-norm.ts';
import { float, type Program, type ProgramInput, quotient, remainder } from '../program/program.ts';
import { LANES, pickLane } from './pack.ts';
import { planeDims } from './planes.ts';

const TERMS: Record<ChannelTerm, (lane: number) => string> = {
  x: (lane) => `v[${lane}]`,
  squaredDeviation: (lane) => `(v[${lane}] - m${lane}) * (v[${lane}] - m${lane})`,
  product: (lane) => `g[${lane}] * (v[${lane}] - m${lane})`,
};

/**
 * Partial sums over x, (x - mean)^2 or dy * (x - mean), packed, `[batch, channels / 4, parts]`; with `product`, a
 * second output sums dy.
 */
export function channelSumsPacked(term: ChannelTerm, g: ChannelGeometry): Program {
  const c4 = g.channels / 4;
  const parts = channelParts(g);
  const chunk = Math.ceil(g.spatial / parts);
  const index = parts === 1 ? 'i' : `i * ${parts} + this.thread.x`;
  const texel = (name: string): ProgramInput => ({ name, dims: planeDims(g), lanes: true });
  const product = term === 'product';
  const add = `const v = x[this.thread.y][${index}];
${product ? `const g = dy[this.thread.y][${index}];` : ''}
${LANES.map((lane) => `s${lane} += ${TERMS[term](lane)};${product ? ` d${lane} += g[${lane}];` : ''}`).join('\n')}`;
  const zeros = (name: string) => LANES.map((lane) => `let ${name}${lane} = 0.0;`).join(' ');
  return {
    inputs: [texel('x'), ...(product ? [texel('dy')] : []), ...(term === 'x' ? [] : [{ name: 'mean' }])],
    output: [parts, g.batch * c4],
    returns: 'Array(4)',
    maps: product ? ['gradients'] : undefined,
    body: `${term === 'x' ? '' : `const c = ${remainder('this.thread.y', c4)} * 4;\n${LANES.map((lane) => `const m${lane} = mean[c + ${lane}];`).join(' ')}`}
${zeros('s')}
${product ? zeros('d') : ''}
for (let i = 0; i < ${chunk}; i++) {
${parts * chunk === g.spatial ? add : `if (${index} < ${g.spatial}) {\n${add}\n}`}
}
${product ? 'gradients([d0, d1, d2, d3]);' : ''}
return [s0, s1, s2, s3];`,
  };
}

/** The second pass -> `[channels]`, one value a texel: times `factor`, or (`deviation`) over sqrt(variance + eps). */
export function channelTotalsPacked(g: ChannelGeometry, deviation: boolean): Program {
  const parts = channelParts(g);
  return {
    inputs: [
      { name: 'sums', dims: [parts, g.channels / 4, g.batch], lanes: true },
      ...(deviation ? [{ name: 'variance' }] : []),
    ],
    scalars: [deviation ? 'eps' : 'factor'],
    output: [g.channels],
    body: `const c = ${quotient('this.thread.x', 4)};
const lane = this.thread.x - c * 4;
let total = 0.0;
for (let n = 0; n < ${g.batch}; n++) {
for (let p = 0; p < ${parts}; p++) {
const v = sums[n][c][p];
total += ${pickLane('lane')};
}
}
return total ${deviation ? '/ Math.sqrt(variance[this.thread.x] + eps)' : '* factor'};`,
  };
}

/**
 * Per channel, four a texel: weight / sqrt(variance + eps), then the mean and the bias. Of absent ones, 1 and 0.
 */
export function normCoefficients(channels: number, weight: boolean, bias: boolean): Program {
  const channel = (lane: number) => `this.thread.x * 4 + ${lane}`;
  const four = (value: (lane: number) => string) => `[${LANES.map(value).join(', ')}]`;
  return {
    inputs: [
      { name: 'mean' },
      { name: 'variance' },
      ...(weight ? [{ name: 'weight' }] : []),
      ...(bias ? [{ name: 'bias' }] : []),
    ],
    scalars: ['eps'],
    output: [channels / 4],
    returns: 'Array(4)',
    maps: ['means', 'biases'],
    body: `means(${four((lane) => `mean[${channel(lane)}]`)});
biases(${bias ? four((lane) => `bias[${channel(lane)}]`) : '[0.0, 0.0, 0.0, 0.0]'});
return ${four((lane) => `${weight ? `weight[${channel(lane)}]` : '1.0'} / Math.sqrt(variance[${channel(lane)}] + eps)`)};`,
  };
}

/** (x - mean) * scale + bias */
export function batchNormPacked(g: ChannelGeometry): Program {
  const channel = ['scale', 'mean', 'bias'].map((name): ProgramInput => ({ name, lanes: true }));
  return {
    inputs: [{ name: 'x', dims: planeDims(g), lanes: true }, ...channel],
    output: [g.spatial, (g.batch * g.channels) / 4],
    returns: 'Array(4)',
    body: `const c = ${remainder('this.thread.y', g.channels / 4)};
const v = x[this.thread.y][this.thread.x];
const s = scale[c];
const m = mean[c];
const b = bias[c];
return [${LANES.map((lane) => `(v[${lane}] - m[${lane}]) * s[${lane}] + b[${lane}]`).join(', ')}];`,
  };
}

/**
 * dx = scale * (dy - (dBias + (x - mean) * rstd * dWeight) / count) as scale * dy + slope * (x - mean) + shift
 * (Ioffe & Szegedy 2015, section 3): per channel, four a texel: scale, then mean, slope and shift.
 */
export function inputGradPacked(g: ChannelGeometry, weight: boolean): Program {
  const reciprocal = float(-1 / (g.batch * g.spatial));
  const each = (line: (lane: number, c: string) => string) =>
    LANES.map((lane) => line(lane, `this.thread.x * 4 + ${lane}`)).join('\n');
  const four = (name: string) => `[${LANES.map((lane) => `${name}${lane}`).join(', ')}]`;
  const names = ['mean', 'variance', 'dWeight', 'dBias', ...(weight ? ['weight'] : [])];
  return {
    inputs: names.map((name) => ({ name })),
    scalars: ['eps'],
    output: [g.channels / 4],
    returns: 'Array(4)',
    maps: ['means', 'slopes', 'shifts'],
    body: `${each(
      (lane, c) => `const rstd${lane} = 1.0 / Math.sqrt(variance[${c}] + eps);
const scale${lane} = ${weight ? `weight[${c}] * ` : ''}rstd${lane};
const mean${lane} = mean[${c}];
const slope${lane} = scale${lane} * rstd${lane} * dWeight[${c}] * ${reciprocal};
const shift${lane} = scale${lane} * dBias[${c}] * ${reciprocal};`,
    )}
means(${four('mean')});
slopes(${four('slope')});
shifts(${four('shift')});
return ${four('scale')};`,
  };
}

export function batchNormInputGradPacked(g: ChannelGeometry): Program {
  const channel = ['scale', 'mean', 'slope', 'shift'].map((name): ProgramInput => ({ name, lanes: true }));
  return {
    inputs: [
      { name: 'dy', dims: planeDims(g), lanes: true },
      { name: 'x', dims: planeDims(g), lanes: true },
      ...channel,
    ],
    output: [g.spatial, (g.batch * g.channels) / 4],
    returns: 'Array(4)',
    body: `const c = ${remainder('this.thread.y', g.channels / 4)};
const g = dy[this.thread.y][this.thread.x];
const v = x[this.thread.y][this.thread.x];
const a = scale[c];
const m = mean[c];
const b = slope[c];
const e = shift[c];
return [${LANES.map((lane) => `a[${lane}] * g[${lane}] + b[${lane}] * (v[${lane}] - m[${lane}]) + e[${lane}]`).join(', ')}];`,
  };
}
