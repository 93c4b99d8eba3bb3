import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { filled } from '../ops/primitive-calls.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Optimizer, type ParamGroup, type ParamState, type Params } from './optimizer.ts';

/** The options of `Adam` and `AdamW`. */
export interface AdamOptions {
  /** The learning rate. Default 1e-3. */
  lr?: number;
  /** The shares that the running means of the gradient and of its square keep at a step. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the square root of the mean square. Default 1e-8. */
  eps?: number;
  /** Times the parameter: Adam adds it to the gradient, AdamW subtracts it from the parameter. Default 0 for Adam, 0.01 for AdamW. */
  weightDecay?: number;
  /** Maximises the objective in place of minimising it. Default false. */
  maximize?: boolean;
}

type Resolved = Required<AdamOptions>;

abstract class AdamBase extends Optimizer<Resolved> {
  /** Whether weight decay shrinks the parameter itself in place of entering the gradient. */
  protected abstract readonly decoupled: boolean;

  protected override check(group: ParamGroup<Resolved>): void {
    super.check(group);
    const { betas, eps, weightDecay } = group;
    if (!betas.every((beta) => beta >= 0 && beta < 1)) {
      throw new ShapeError(`Adam: betas must be in [0, 1), got ${betas.join(' and ')}`);
    }
    if (!(eps >= 0)) throw new ShapeError(`Adam: eps must be 0 or more, got ${eps}`);
    if (!(weightDecay >= 0)) throw new ShapeError(`Adam: weightDecay must be 0 or more, got ${weightDecay}`);
  }

  protected override buffersOf(): readonly string[] {
    return ['exp_avg', 'exp_avg_sq'];
  }

  protected update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<Resolved>): void {
    const { device } = param;
    const { lr, betas, eps, weightDecay, maximize } = group;
    const moment = (name: string): Tensor => {
      const tensor = state.tensors.get(name) ?? filled(device, param.shape, 0).keep();
      state.tensors.set(name, tensor);
      return tensor;
    };
    const mean = moment('exp_avg');
    const square = moment('exp_avg_sq');
    const step = {
      lr,
      beta1: betas[0],
      beta2: betas[1],
      eps,
      weightDecay,
      decoupled: this.decoupled,
      step: state.steps,
    };
    const ascent = maximize ? device.unary('mulScalar', grad.storage, -1) : null;
    const next = device.adamStep(param.storage, ascent ?? grad.storage, mean.storage, square.storage, step);
    if (ascent) device.free(ascent);
    param.assign(next.param);
    mean.assign(next.mean);
    square.assign(next.square);
  }
}

const defaults = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false } as const;

/**
 * Adam (Kingma & Ba 2015, algorithm 1), as torch.optim.Adam: with g the gradient plus weightDecay * p,
 * m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2;
 * p -= lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) at step t.
 */
export class Adam extends AdamBase {
  protected readonly decoupled = false;

  /** @throws ShapeError for options out of range, as Optimizer for parameters @throws ArgumentError for options that there are not */
  constructor(params: Params<AdamOptions>, options: AdamOptions = {}) {
    super(params, resolveOptions('Adam', options, defaults));
  }
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019), as torch.optim.AdamW: first p -= lr * weightDecay * p, then Adam's step with the bare gradient. */
export class AdamW extends AdamBase {
  protected readonly decoupled = true;

  constructor(params: Params<AdamOptions>, options: AdamOptions = {}) {
    super(params, resolveOptions('AdamW', options, { ...defaults, weightDecay: 1e-2 }));
  }
}
