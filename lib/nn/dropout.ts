import { ShapeError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';
import { Module } from './module.ts';

/**
 * In training zeroes each value with probability p and divides the others by 1 - p; in evaluation returns x. As
 * torch.nn.Dropout (Srivastava et al. 2014): x of any shape to one of that shape.
 */
export class Dropout extends Module {
  /** @param p the probability that a value is zeroed; default 0.5. @throws ShapeError outside [0, 1] */
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new ShapeError(`Dropout: p is a probability, want 0..1, got ${p}`);
  }

  forward(x: Tensor): Tensor {
    return F.dropout(x, this.p, { training: this.training });
  }
}
