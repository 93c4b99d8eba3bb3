import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { checkTensor } from '../tensor/placement.ts';
import { generator } from '../tensor/random.ts';
import { tidy } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { mul } from './mul.ts';
import { reshape } from './reshape.ts';

/**
 * Sets each value to 0 with probability p and scales the others by 1 / (1 - p) (Srivastava et al. 2014), as
 * torch.nn.functional.dropout; outside training, x as it is. Draws come from the seeded generator.
 * @param x of any shape
 * @param p default 0.5
 * @param options whether it is training, default true
 * @throws ShapeError unless 0 <= p <= 1
 */
export function dropout(x: Tensor, p = 0.5, options: boolean | { training?: boolean } = {}): Tensor {
  checkTensor('dropout', x);
  const { training } =
    typeof options === 'boolean'
      ? { training: options }
      : resolveOptions('dropout', options, { training: true });
  if (!(p >= 0 && p <= 1)) throw new ShapeError(`dropout: p wants a probability from 0 to 1, got ${p}`);
  if (!training || p === 0) return reshape(x, x.shape);
  if (p === 1) return mul(x, 0);
  const scale = 1 / (1 - p);
  const mask = generator.uniform(x.size).map((draw) => (draw < p ? 0 : scale));
  return tidy(() => mul(x, new Tensor({ device: x.device, storage: x.device.upload(mask) }, x.shape)));
}
