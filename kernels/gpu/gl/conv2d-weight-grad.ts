import type { Conv2dGeometry } from '../../primitives.ts';
import { type Program, quotient } from '../program/program.ts';
import { LANES, type PackedImage, packedDims, pickLane, pickOutput, quarters } from './pack.ts';

/** How the sum over all pixels is cut: `parts` sums of `rows` rows of the output image each. */
export interface WeightGradPlan {
  /** Output channels of one thread, four times its texels. */
  readonly rowChannels: number;
  readonly rows: number;
  readonly parts: number;
}

/** Enough parts to fill a GPU, and short enough sums for float32. */
export function planWeightGrad(g: Conv2dGeometry, outputs: number): WeightGradPlan {
  const rowChannels = g.outChannels > 4 && outputs >= 8 ? 8 : 4;
  const threads =
    g.kernelHeight * g.kernelWidth * quarters(g.inChannels) * Math.ceil(g.outChannels / rowChannels);
  const total = g.batch * g.outHeight;
  const wanted = Math.max(Math.ceil(4096 / threads), Math.ceil((total * g.outWidth) / 2048));
  const rows = Math.ceil(total / Math.min(total, wanted));
  return { rowChannels, rows, parts: Math.ceil(total / rows) };
}

/**
 * Partial sums of dw: at each pixel the outer product of `rowChannels` channels of dy and four channels of x, one
 * output of the kernel map a channel of dy: one fetch for 8 or 10.7 multiply-adds. The
 * last thread may read beyond outChannels, for sums that nobody reads.
 *
 * x, dy: packed images; outputs: `[parts, outChannels / rowChannels, inChannels / 4, kh * kw]`, four inChannels a texel.
 */
export function weightGradParts(
  g: Conv2dGeometry,
  x: PackedImage,
  dy: PackedImage,
  plan: WeightGradPlan,
): Program {
  const taps = g.kernelHeight * g.kernelWidth;
  const [x4, dy4] = [quarters(g.inChannels), quarters(g.outChannels)];
  const texels = plan.rowChannels / 4;
  const channels = Array.from({ length: plan.rowChannels }, (_, i) => i);
  const total = g.batch * g.outHeight;
  const pixel = (
    column: string,
    u: number,
  ) => `const x${u} = x[n * ${x4} + c][row * ${g.strideHeight} + kh * ${g.dilationHeight}][(${column}) * ${g.strideWidth} + kw * ${g.dilationWidth}];
${Array.from({ length: texels }, (_, t) => `const dy${u}_${t} = dy[n * ${dy4} + this.thread.y * ${texels} + ${t}][row][${column}];`).join('\n')}`;
  const sum = (lane: number, channel: number, pixels: number) =>
    `a${channel}_${lane} += ${Array.from({ length: pixels }, (_, u) => `dy${u}_${channel >> 2}[${channel & 3}] * x${u}[${lane}]`).join(' + ')};`;
  const pixels = (column: (u: number) => string, count: number) =>
    [
      ...Array.from({ length: count }, (_, u) => pixel(column(u), u)),
      ...channels.flatMap((channel) => LANES.map((lane) => sum(lane, channel, count))),
    ].join('\n');
  const quads = Math.floor(g.outWidth / 4);
  const rest = g.outWidth % 4;
  return {
    inputs: [
      { name: 'x', dims: packedDims(x), lanes: true },
      { name: 'dy', dims: packedDims(dy), lanes: true },
    ],
    output: [taps * x4, Math.ceil(g.outChannels / plan.rowChannels), plan.parts],
    returns: 'Array(4)',
    maps: channels.slice(1).map((channel) => `channel${channel}`),
    body: `const c = ${quotient('this.thread.x', taps)};
const tap = this.thread.x - c * ${taps};
const kh = ${quotient('tap', g.kernelWidth)};
const kw = tap - kh * ${g.kernelWidth};
${channels.map((channel) => LANES.map((lane) => `let a${channel}_${lane} = 0.0;`).join(' ')).join('\n')}
for (let i = 0; i < ${plan.rows}; i++) {
if (this.thread.z * ${plan.rows} + i < ${total}) {
const n = ${quotient(`(this.thread.z * ${plan.rows} + i)`, g.outHeight)};
const row = this.thread.z * ${plan.rows} + i - n * ${g.outHeight};
${quads > 0 ? `for (let j = 0; j < ${quads}; j++) {\n${pixels((u) => `j * 4 + ${u}`, 4)}\n}` : ''}
${rest > 0 ? pixels((u) => `${quads * 4 + u}`, rest) : ''}
}
}
${channels
  .slice(1)
  .map((channel) => `channel${channel}([${LANES.map((lane) => `a${channel}_${lane}`).join(', ')}]);`)
  .join('\n')}
return [${LANES.map((lane) => `a0_${lane}`).join(', ')}];`,
  };
}

/** The partial sums -> dw `[outChannels, inChannels, kh * kw]`, one value a texel. */
export function weightGradSum(g: Conv2dGeometry, plan: WeightGradPlan): Program {
  const taps = g.kernelHeight * g.kernelWidth;
  const x4 = quarters(g.inChannels);
  const rows = Math.ceil(g.outChannels / plan.rowChannels);
  return {
    inputs: Array.from({ length: plan.rowChannels }, (_, i) => ({
      name: `t${i}`,
      dims: [taps * x4, rows, plan.parts] as const,
      lanes: true,
    })),
    output: [taps, g.inChannels, g.outChannels],
    body: `const r = ${quotient('this.thread.z', plan.rowChannels)};
const p = this.thread.z - r * ${plan.rowChannels};
const c = ${quotient('this.thread.y', 4)};
const lane = this.thread.y - c * 4;
let y = 0.0;
for (let i = 0; i < ${plan.parts}; i++) {
${pickOutput(plan.rowChannels, (name) => `${name}[i][r][c * ${taps} + this.thread.x]`)}
y += ${pickLane('lane')};
}
return y;`,
  };
}
