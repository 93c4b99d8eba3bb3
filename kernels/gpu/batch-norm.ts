import type { PlainBatchNorm, PlainBatchNormGeometry } from '../plain.ts';
import type { ChannelGeometry, Storage } from '../primitives.ts';
import { type Family, type GpuMachine, present } from './machine.ts';
import { float, type Program, type ProgramInput, remainder } from './program/program.ts';

/** Values that one thread sums. */
const CHUNK = 256;

/** How the [batch, spatial] values of a channel are cut for the first pass of a sum: `parts` along each plane. */
export function channelParts(g: ChannelGeometry): number {
  return Math.ceil(g.spatial / CHUNK);
}

/** What is summed over each channel. */
export type ChannelTerm = 'x' | 'squaredDeviation' | 'product';

const TERMS: Record<ChannelTerm, { inputs: readonly string[]; term: (index: string) => string }> = {
  x: { inputs: [], term: (index) => `x${index}` },
  squaredDeviation: { inputs: ['mean'], term: (index) => `(x${index} - centre) * (x${index} - centre)` },
  product: { inputs: ['dy', 'mean'], term: (index) => `dy${index} * (x${index} - centre)` },
};

/** Partial sums `[batch, channels, parts]` of a term over x, (x - mean)^2 or dy * (x - mean). */
function channelSumsProgram(term: ChannelTerm, g: ChannelGeometry): Program {
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
function channelTotalsProgram(g: ChannelGeometry): Program {
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
function channelScaleProgram(g: ChannelGeometry, weight: boolean): Program {
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
function batchNormProgram(g: ChannelGeometry, bias: boolean): Program {
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
function channelProductProgram(g: ChannelGeometry): Program {
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
function batchNormInputGradProgram(g: ChannelGeometry): Program {
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
function batchNormScaleGradProgram(g: ChannelGeometry): Program {
  return {
    inputs: [{ name: 'dy', dims: planeDims(g) }, { name: 'scale' }],
    output: [g.spatial, g.batch * g.channels],
    body: `${channelOf(g)}\nreturn scale[c] * dy[this.thread.y][this.thread.x];`,
  };
}

/** A key like keyOf's, without eps, which is an argument of the program. */
const planeKey = (op: string, g: ChannelGeometry, ...rest: readonly boolean[]): string =>
  `${op} ${g.batch},${g.channels},${g.spatial} ${rest.join(' ')}`;

export function batchNormalization<S extends Storage>({
  run,
  free,
}: GpuMachine<S>): PlainBatchNorm<S> & Family<S, 'batchNormStatistics'> {
  /** factor * the sum of a term over batch and space, `[channels]`. */
  function channelSum(term: ChannelTerm, inputs: readonly S[], g: ChannelGeometry, factor: number): S {
    const length = g.batch * g.channels * channelParts(g);
    const key = planeKey(`channelSums ${term}`, g);
    const sums = run(length, key, () => channelSumsProgram(term, g), inputs);
    const build = () => channelTotalsProgram(g);
    const totals = run(g.channels, planeKey('channelTotals', g), build, [sums], [factor]);
    free(sums);
    return totals;
  }

  function channelScale(variance: S, weight: S | null, g: PlainBatchNormGeometry): S {
    const key = `channelScale ${g.channels} ${weight !== null}`;
    const build = () => channelScaleProgram(g, weight !== null);
    return run(g.channels, key, build, present(variance, weight), [g.eps]);
  }

  return {
    batchNormStatistics(x, g) {
      const factor = 1 / (g.batch * g.spatial);
      const mean = channelSum('x', [x], g, factor);
      return { mean, variance: channelSum('squaredDeviation', [x, mean], g, factor) };
    },

    normalize(x, { mean, variance, weight, bias }, g) {
      const scale = channelScale(variance, weight, g);
      const key = planeKey('batchNorm', g, bias !== null);
      const build = () => batchNormProgram(g, bias !== null);
      const y = run(x.length, key, build, present(x, mean, scale, bias));
      free(scale);
      return y;
    },

    normalizeGrad(dy, x, { mean, variance, weight }, g) {
      const rstd = channelScale(variance, null, g);
      const scale = weight ? channelScale(variance, weight, g) : rstd;
      const dBias = channelSum('x', [dy], g, 1);
      const product = channelSum('product', [x, dy, mean], g, 1);
      const dWeight = run(g.channels, `channelProduct ${g.channels}`, () => channelProductProgram(g), [
        product,
        rstd,
      ]);
      const input = g.training
        ? run(x.length, planeKey('batchNormInputGrad', g), () => batchNormInputGradProgram(g), [
            dy,
            x,
            mean,
            rstd,
            scale,
            dWeight,
            dBias,
          ])
        : run(x.length, planeKey('batchNormScaleGrad', g), () => batchNormScaleGradProgram(g), [dy, scale]);
      for (const temporary of new Set([rstd, scale, product])) free(temporary);
      return { input, weight: dWeight, bias: dBias };
    },
  };
}
