import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import { Module } from './module.ts';

/** max(x, 0), of any shape. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** x where x > 0, else negativeSlope * x, of any shape. */
export class LeakyReLU extends Module {
  /** @param negativeSlope default 0.01 */
  constructor(readonly negativeSlope = 0.01) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.negativeSlope);
  }
}

/** 1 / (1 + exp(-x)), of any shape. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** tanh(x), of any shape. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** exp(x) / sum(exp(x)) along one axis. */
export class Softmax extends Module {
  /** @param axis default -1, the last */
  constructor(readonly axis = -1) {
    super();
  }

  forward(x: Tensor): Tensor {
    return F.softmax(x, this.axis);
  }
}
