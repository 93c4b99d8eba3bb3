import { type Program, quotient } from '../program/program.ts';
import { LANES, pickLane } from './pack.ts';

/** A tensor `[batch, channels, spatial]`; packed, it is `[batch, channels / 4, spatial]`, four channels a texel. */
export interface Planes {
  readonly batch: number;
  readonly channels: number;
  readonly spatial: number;
}

export function texelsOf({ batch, channels, spatial }: Planes): number {
  return (batch * channels * spatial) / 4;
}

/** The dims by which a kernel reads a packed tensor: `x[plane of four channels][position]`. */
export function planeDims({ batch, channels, spatial }: Planes): [number, number, number] {
  return [spatial, (batch * channels) / 4, 1];
}

/** Packed -> one value a texel, row-major. */
export function flattenPacked(planes: Planes): Program {
  const { batch, channels, spatial } = planes;
  return {
    inputs: [{ name: 'x', dims: planeDims(planes), lanes: true }],
    output: [spatial, batch * channels],
    body: `const plane = ${quotient('this.thread.y', 4)};
const lane = this.thread.y - plane * 4;
const v = x[plane][this.thread.x];
return ${pickLane('lane')};`,
  };
}

/** A function of numbers (its body in terms of `names` and `scalars`) in each lane of each texel. */
export function lanewise(
  texels: number,
  names: readonly string[],
  scalars: readonly string[],
  body: string,
): Program {
  const inputs = names.map((name) => ({ name: `${name}Texels`, lanes: true }));
  const call = (lane: number) => `f(${[...names.map((name) => `${name}4[${lane}]`), ...scalars].join(', ')})`;
  return {
    inputs,
    scalars,
    functions: [{ name: 'f', arguments: [...names, ...scalars], body }],
    output: [texels],
    returns: 'Array(4)',
    body: `${names.map((name) => `const ${name}4 = ${name}Texels[this.thread.x];`).join('\n')}
return [${LANES.map(call).join(', ')}];`,
  };
}

/** Tensors of one batch and size, side by side along the channels. */
export function concatPacked(batch: number, channels: readonly number[], spatial: number): Program {
  const total = channels.reduce((sum, size) => sum + size, 0) / 4;
  const branches: string[] = [];
  let start = 0;
  channels.forEach((size, i) => {
    const end = start + size / 4;
    const read = `v = x${i}[this.thread.z][this.thread.y - ${start}][this.thread.x];`;
    branches.push(end < total ? `if (this.thread.y < ${end}) { ${read} }` : `{ ${read} }`);
    start = end;
  });
  return {
    inputs: channels.map((size, i) => ({ name: `x${i}`, dims: [spatial, size / 4, batch], lanes: true })),
    output: [spatial, total, batch],
    returns: 'Array(4)',
    body: `let v = [0.0, 0.0, 0.0, 0.0];\n${branches.join(' else ')}\nreturn [v[0], v[1], v[2], v[3]];`,
  };
}

/** `channels` of x's channels, a multiple of four, from the argument `first` on, counted in texels of four. */
export function slicePacked(x: Planes, channels: number): Program {
  return {
    inputs: [{ name: 'x', dims: [x.spatial, x.channels / 4, x.batch], lanes: true }],
    scalars: ['first'],
    output: [x.spatial, channels / 4, x.batch],
    returns: 'Array(4)',
    body: `const v = x[this.thread.z][this.thread.y + first][this.thread.x];\nreturn [v[0], v[1], v[2], v[3]];`,
  };
}
