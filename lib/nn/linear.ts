import { resolveOptions } from '../arguments.ts';
import { zeros } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import * as init from './init.ts';
import { Module, Parameter } from './module.ts';

/**
 * x @ weight^T + bias, as torch.nn.Linear: x `[..., inFeatures]` to `[..., outFeatures]`.
 * weight `[outFeatures, inFeatures]` and bias `[outFeatures]` start uniform in ±1 / sqrt(inFeatures).
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  /** @param options.bias default true */
  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: { bias?: boolean } = {},
  ) {
    super();
    const { bias } = resolveOptions('Linear', options, { bias: true });
    this.weight = new Parameter(zeros([outFeatures, inFeatures]));
    this.bias = bias ? new Parameter(zeros([outFeatures])) : null;
    this.resetParameters();
  }

  /** Draws the initial weight and bias anew. */
  resetParameters(): void {
    init.fanInUniform(this.weight, this.inFeatures);
    if (this.bias) init.fanInUniform(this.bias, this.inFeatures);
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias);
  }
}
