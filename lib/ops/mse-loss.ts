import { resolveOptions } from '../arguments.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkTarget, type Reduction, reduceLoss } from './loss.ts';
import { square } from './mul.ts';
import { asTensor, type Operand } from './operand.ts';
import { sub } from './sub.ts';

/**
 * (x - target)^2, as torch.nn.functional.mse_loss.
 * @param options.reduction what becomes of the losses; default 'mean'
 * @throws ShapeError unless both have one shape
 */
export function mseLoss(x: Tensor, target: Operand, options: { reduction?: Reduction } = {}): Tensor {
  const { reduction } = resolveOptions('mseLoss', options, { reduction: 'mean' });
  return tidy(() => {
    const y = asTensor('mseLoss', 'target', target, x);
    checkTarget('mseLoss', x, y);
    return reduceLoss(square(sub(x, y)), reduction);
  });
}
