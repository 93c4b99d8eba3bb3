import { required, resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type GroupOptions, Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.ts';

/** The options of `SGD`. */
export interface SgdOptions extends GroupOptions {
  /** The share of the velocity that is kept at a step. Default 0. */
  momentum?: number;
  /** The share of the new gradient that the velocity leaves out. Default 0. */
  dampening?: number;
  /** Times the parameter, added to the gradient. Default 0. */
  weightDecay?: number;
  /** Nesterov's momentum, p -= lr * (g + momentum * v); wants momentum and no dampening. Default false. */
  nesterov?: boolean;
  /** Maximises the objective in place of minimising it. Default false. */
  maximize?: boolean;
}

/**
 * Stochastic gradient descent, as torch.optim.SGD: with g the gradient plus weightDecay * p,
 * v = momentum * v + (1 - dampening) * g; p -= lr * v. The first velocity is g itself.
 */
export class SGD extends Optimizer<Required<SgdOptions>> {
  constructor(params: Params<SgdOptions>, options: SgdOptions) {
    super(
      params,
      resolveOptions('SGD', options, {
        lr: required,
        momentum: 0,
        dampening: 0,
        weightDecay: 0,
        nesterov: false,
        maximize: false,
      }),
    );
  }

  protected override check(group: ParamGroup<Required<SgdOptions>>): void {
    super.check(group);
    const { momentum, dampening, weightDecay, nesterov } = group;
    if (!(momentum >= 0)) throw new ShapeError(`SGD: momentum must be 0 or more, got ${momentum}`);
    if (!(weightDecay >= 0)) throw new ShapeError(`SGD: weightDecay must be 0 or more, got ${weightDecay}`);
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new ShapeError(
        `SGD: nesterov wants momentum above 0 and no dampening, got ${momentum} and ${dampening}`,
      );
    }
  }

  protected override buffersOf({ momentum }: ParamGroup<Required<SgdOptions>>): readonly string[] {
    return momentum === 0 ? [] : ['momentum_buffer'];
  }

  protected update(
    param: Tensor,
    grad: Tensor,
    { tensors }: ParamState,
    group: ParamGroup<Required<SgdOptions>>,
  ): void {
    const { device } = param;
    const buffer = tensors.get('momentum_buffer') ?? null;
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group;
    const step = { lr, momentum, dampening, weightDecay, nesterov, maximize };
    const next = device.sgdStep(param.storage, grad.storage, buffer?.storage ?? null, step);
    param.assign(next.param);
    if (!next.velocity) return;
    if (buffer) buffer.assign(next.velocity);
    else tensors.set('momentum_buffer', new Tensor({ device, storage: next.velocity }, param.shape).keep());
  }
}
