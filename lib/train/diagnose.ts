/** Where a loss that is no number comes from. */
import type { Batch } from '../data/batch.ts';
import type { Module } from '../nn/module.ts';
import { abs, add, le, neg, sum } from '../ops/methods.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';

const HINT = 'a lower learning rate, or clipped gradients, may help';

/** What of a batch is NaN or infinite; null where nothing is. */
export function diagnoseBatch({ indices, inputs, targets, weights }: Batch): string | null {
  const perImage = inputs.length / indices.length;
  const parts = [
    { name: 'a pixel', values: inputs, each: perImage },
    { name: 'the label', values: targets, each: targets.length / indices.length },
    { name: 'the weight', values: weights ?? [], each: 1 },
  ];
  for (const { name, values, each } of parts) {
    const at = Array.prototype.findIndex.call(values, (value: number) => !Number.isFinite(value));
    if (at >= 0) return `${name} of image ${indices[Math.floor(at / each)]} is ${values[at]}`;
  }
  return null;
}

/**
 * Runs the forward pass of a batch again and names the layer whose output is the first to hold NaN or infinity, and
 * what of its own state does; where all outputs are finite, the parameter or gradient that is not. The random generator
 * should stand where it stood before the first run.
 */
export async function diagnoseForward(model: Module, batch: Batch): Promise<string> {
  const first = (await traceForward(model, batch)).find(({ count }) => count > 0);
  if (first) {
    const { path, count, size } = first;
    const state = [...model.namedParameters(), ...model.namedBuffers()].filter(([name]) =>
      name.startsWith(path && `${path}.`),
    );
    const culprit = await findNonFinite(state);
    return `NaN or infinity first appears in the output of ${path || 'the network itself'} (${count} of ${size} values)${culprit ? `, whose ${culprit} holds it` : ''}; ${HINT}`;
  }
  const parameters = [...model.namedParameters()];
  const gradients = parameters.flatMap(([name, { grad }]) =>
    grad ? [[`the gradient of ${name}`, grad] as const] : [],
  );
  const culprit = await findNonFinite([...parameters, ...gradients]);
  return culprit
    ? `the outputs of all layers are finite, but ${culprit} is not; ${HINT}`
    : 'the outputs of all layers, run again, are finite, and so are parameters and gradients';
}

/** The name of the first tensor that holds NaN or infinity, or null. */
export async function findNonFinite(tensors: Iterable<readonly [string, Tensor]>): Promise<string | null> {
  for (const [name, tensor] of tensors) {
    using bad = countNonFinite(tensor);
    if ((await bad.item()) > 0) return name;
  }
  return null;
}

interface Output {
  readonly path: string;
  /** How many values are NaN or infinite. */
  readonly count: number;
  readonly size: number;
}

/** The outputs of all modules, in the order in which they were made. */
async function traceForward(model: Module, batch: Batch): Promise<Output[]> {
  const outputs: { path: string; size: number; count: Tensor }[] = [];
  const hooks = [...model.namedModules()].map(([path, module]) =>
    module.registerForwardHook((_module, _inputs, output) => {
      if (!(output instanceof Tensor)) return;
      outputs.push({ path, size: output.size, count: countNonFinite(output).keep() });
    }),
  );
  try {
    noGrad(() => tidy(() => void model.forward(batch.tensors().x)));
    return await Promise.all(
      outputs.map(async (output) => ({ ...output, count: await output.count.item() })),
    );
  } finally {
    for (const hook of hooks) hook.remove();
    for (const { count } of outputs) count.dispose();
  }
}

const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

/** `[]`, on the device: 1 - (|x| <= largest) is 1 for NaN as for infinity. */
const countNonFinite = (x: Tensor): Tensor =>
  noGrad(() => tidy(() => sum(add(neg(le(abs(x), LARGEST_FLOAT32)), 1))));
