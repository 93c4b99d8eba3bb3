import { ShapeError } from '../errors.ts';
import { sharedDevice } from '../tensor/placement.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { mean } from './mean.ts';
import { sum } from './sum.ts';

/** What becomes of the losses of single values: their mean, their sum, or themselves. */
export type Reduction = 'mean' | 'sum' | 'none';

export function reduceLoss(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'mean') return mean(losses);
  return reduction === 'sum' ? sum(losses) : losses;
}

/** @throws ShapeError where broadcasting would compare each prediction with every target */
export function checkTarget(op: string, x: Tensor, target: Tensor): void {
  sharedDevice(op, x, target);
  if (!sameShape(x.shape, target.shape)) {
    throw new ShapeError(
      `${op}: input has shape ${formatShape(x.shape)}, target wants the same, got ${formatShape(target.shape)}`,
    );
  }
}
