import { resolveOptions } from '../arguments.ts';
import { zeros } from '../tensor/create.ts';
import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import * as init from './init.ts';
import { Module, Parameter } from './module.ts';

/**
 * x @ weight^T + bias, as torch.nn.Linear: x `[..., inFeatures]` to `[..., outFeatures]`. Weight and bias start uniform
 * in ±1 / sqrt(inFeatures).
 */
export class Linear extends Module {
  /** `[outFeatures, inFeatures]`. */
  readonly weight: Parameter;
  /** `[outFeatures]`, or null. */
  readonly bias: Parameter | null;

  /** @param options.bias default true */
  constructor(
    /** The size of the input's last axis. */
    readonly inFeatures: number,
    /** The size of the output's last axis. */
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
