import type { Program } from './program.ts';

/** Functions of the values at one index of some flat tensors of one length, and of a few numbers. */
export interface Pointwise {
  readonly inputs: readonly string[];
  readonly scalars: readonly string[];
  /** For each output, the statements that return its value, in terms of the inputs' and scalars' names. */
  readonly results: readonly string[];
}

/** One output, one value a thread. */
export function pointwiseProgram(
  { inputs, scalars, results }: Pointwise,
  output: number,
  length: number,
): Program {
  return {
    inputs: inputs.map((name) => ({ name: `${name}Values` })),
    scalars,
    output: [length],
    body: `${inputs.map((name) => `const ${name} = ${name}Values[this.thread.x];`).join('\n')}\n${results[output]}`,
  };
}

/** All outputs, four values of each a thread, on GL: every texel of flat textures of one size. */
export function pointwiseTexels(
  { inputs, scalars, results }: Pointwise,
  width: number,
  height: number,
): Program {
  const names = [...inputs, ...scalars];
  const four = (k: number) =>
    `[${[0, 1, 2, 3].map((lane) => `f${k}(${[...inputs.map((name) => `${name}4[${lane}]`), ...scalars].join(', ')})`).join(', ')}]`;
  const further = results.slice(1).map((_, i) => `output${i + 1}(${four(i + 1)});`);
  return {
    inputs: inputs.map((name) => ({ name: `${name}Values`, lanes: true })),
    scalars,
    functions: results.map((body, k) => ({ name: `f${k}`, arguments: names, body })),
    output: [width * height],
    texture: [width, height],
    returns: 'Array(4)',
    maps: results.length > 1 ? further.map((_, i) => `output${i + 1}`) : undefined,
    body: `${inputs.map((name) => `const ${name}4 = ${name}Values[this.thread.x];`).join('\n')}
${further.join('\n')}
return ${four(0)};`,
  };
}
