import { listOf, resolveOptions } from '../arguments.ts';
import { binary, reduce, unary } from '../ops/primitive-calls.ts';
import { tidy } from '../tensor/scope.ts';
import { broadcastGeometry, normalizeAxes } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Scales the gradients of `parameters` so that their norm, as one vector, is at most `maxNorm`, without waiting for
 * the device, as torch.nn.utils.clip_grad_norm_: each is multiplied by min(1, maxNorm / (norm + 1e-6)). Parameters
 * without a gradient are passed over.
 * @param options.normType the p of the p-norm, or Infinity. Default 2
 * @returns the norm before the scaling, a tensor of shape [], or null where no parameter has a gradient
 */
export function clipGradNorm(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options: { normType?: number } = {},
): Tensor | null {
  const { normType } = resolveOptions('clipGradNorm', options, { normType: 2 });
  const gradients = listOf('clipGradNorm', 'parameters, as model.parameters() gives', parameters).flatMap(
    ({ grad }) => (grad ? [grad] : []),
  );
  if (gradients.length === 0) return null;
  return tidy(() => {
    const norm = totalNorm(gradients, normType);
    const wanted = unary('mulScalar', unary('reciprocal', unary('addScalar', norm, 1e-6)), maxNorm);
    const scale = unary('minScalar', wanted, 1);
    for (const gradient of gradients) {
      const geometry = broadcastGeometry(gradient.shape, [gradient.shape, scale.shape]);
      gradient.assign(gradient.device.binary('mul', gradient.storage, scale.storage, geometry));
    }
    return norm;
  });
}

/** (sum |g|^p)^(1/p), or for p = Infinity max |g|, over all values of all gradients. */
function totalNorm(gradients: readonly Tensor[], p: number): Tensor {
  const isMax = p === Number.POSITIVE_INFINITY;
  const total = gradients
    .map((gradient) =>
      tidy(() => {
        const size = unary('abs', gradient);
        const term = isMax ? size : p === 2 ? binary('mul', size, size) : unary('powScalar', size, p);
        return reduce(isMax ? 'max' : 'sum', term, normalizeAxes('clipGradNorm', undefined, term.rank));
      }),
    )
    .reduce((a, b) => binary(isMax ? 'maximum' : 'add', a, b));
  if (isMax) return total;
  return p === 2 ? unary('sqrt', total) : unary('powScalar', total, 1 / p);
}
