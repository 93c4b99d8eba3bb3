import { FusedError } from '../errors.ts';
import { add } from '../ops/add.ts';
import { div } from '../ops/div.ts';
import { mul, neg } from '../ops/mul.ts';
import { reshape } from '../ops/reshape.ts';
import { sub } from '../ops/sub.ts';
import { reciprocal, sqrt } from '../ops/unary.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { BatchNorm2d } from './batch-norm2d.ts';
import { Conv2d } from './conv2d.ts';
import { type AnyModule, Parameter } from './module.ts';

/**
 * Folds each batch norm that directly follows a convolution into it, in place, and sets evaluation mode; returns the
 * model. With s = weight / sqrt(variance + eps) the convolution's weight becomes W * s and its bias
 * (b - mean) * s + bias, for each output channel. The state dict is then that of the folded model.
 *
 * Pairs are found in the chains of the modules (`Module.chains`). A module that is used twice, and a norm
 * without running statistics, stay as they are.
 * @throws FusedError where the model, or a part of it, is fused already; or naming a batch norm that stands in no chain, so
 *   that nobody knows what it follows. Nothing is changed then.
 */
export function fuse<M extends AnyModule>(model: M): M {
  const named = model.namedModules();
  const modules = [...named.values()];
  if (modules.some(({ isFused }) => isFused)) {
    throw new FusedError('fuse: the model is fused already; fuse a whole model, and once');
  }
  const chains = modules.flatMap((module) => module.chains());
  const uses = new Map<AnyModule, number>();
  for (const module of chains.flat()) uses.set(module, (uses.get(module) ?? 0) + 1);
  for (const [name, module] of named) {
    if (!(module instanceof BatchNorm2d) || uses.has(module)) continue;
    throw new FusedError(
      `fuse: the batch norm '${name}' stands in no chain; the module that holds it tells the order of its layers by chains(), such as chains() { return [[this.conv, this.norm]] }`,
    );
  }
  const isAlone = (module: AnyModule) => uses.get(module) === 1;
  for (const chain of chains) {
    chain.forEach((norm, i) => {
      const conv = chain[i - 1];
      if (!(conv instanceof Conv2d && norm instanceof BatchNorm2d)) return;
      if (isAlone(conv) && isAlone(norm)) fold(conv, norm);
    });
  }
  model.eval();
  for (const module of modules) module.isFused = true;
  return model;
}

function fold(conv: Conv2d, norm: BatchNorm2d): void {
  const { runningMean, runningVar, eps } = norm;
  if (!runningMean || !runningVar) return;
  const [weight, bias] = noGrad(() =>
    tidy(() => {
      const deviation = sqrt(add(runningVar, eps));
      const scale = norm.weight ? div(norm.weight, deviation) : reciprocal(deviation);
      const centered = conv.bias ? sub(conv.bias, runningMean) : neg(runningMean);
      const shift = mul(centered, scale);
      return [mul(conv.weight, reshape(scale, [-1, 1, 1, 1])), norm.bias ? add(shift, norm.bias) : shift];
    }),
  );
  conv.weight = replaced(conv.weight, weight);
  conv.bias = replaced(conv.bias, bias);
  norm.fold();
}

/** A parameter with new values. */
function replaced(before: Parameter | null, values: Tensor): Parameter {
  const parameter = new Parameter(values);
  if (before) {
    parameter.setRequiresGrad(before.requiresGrad);
    before.dispose();
  }
  return parameter;
}
