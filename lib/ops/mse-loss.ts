import { resolveOptions } from '../arguments.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkTarget, type Reduction, reduceLoss } from './loss.ts';
import { square } from './mul.ts';
import { sub } from './sub.ts';

/** (x - target)^2. @throws ShapeError unless both have one shape */
export function mseLoss(x: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  const { reduction } = resolveOptions('mseLoss', options, { reduction: 'mean' });
  checkTarget('mseLoss', x, target);
  return tidy(() => reduceLoss(square(sub(x, target)), reduction));
}
