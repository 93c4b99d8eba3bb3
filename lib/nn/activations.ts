import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import { Module } from './module.ts';

/** max(x, 0) of each value, as torch.nn.ReLU: x of any shape to one of that shape. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** x where x > 0, else negativeSlope * x, as torch.nn.LeakyReLU: x of any shape to one of that shape. */
export class LeakyReLU extends Module {
  /** @param negativeSlope default 0.01 */
  constructor(readonly negativeSlope = 0.01) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.negativeSlope);
  }
}

/** 1 / (1 + exp(-x)) of each value, as torch.nn.Sigmoid: x of any shape to one of that shape. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** tanh(x) of each value, as torch.nn.Tanh: x of any shape to one of that shape. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** exp(x) / sum(exp(x)) along one axis, as torch.nn.Softmax: x of any shape to one of that shape. */
export class Softmax extends Module {
  /** @param axis along which the results add up to 1; default -1, the last */
  constructor(readonly axis = -1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.softmax(x, this.axis);
  }
}
