import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkTarget, type Reduction, reduceLoss } from './loss.ts';
import { square } from './mul.ts';
import { sub } from './sub.ts';

/** (x - target)^2. @throws ShapeError unless both have one shape */
export function mseLoss(
  x: Tensor,
  target: Tensor,
  { reduction = 'mean' }: { reduction?: Reduction } = {},
): Tensor {
  checkTarget('mseLoss', x, target);
  return tidy(() => reduceLoss(square(sub(x, target)), reduction));
}
