import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { sharedDevice } from '../tensor/placement.ts';
import { formatShape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { reduce } from './primitive-calls.ts';

/**
 * x @ weight^T + bias, as torch.nn.functional.linear.
 * @param x `[..., in]`
 * @param weight `[out, in]`
 * @param bias `[out]`; default none
 * @returns `[..., out]`
 * @throws ShapeError where the shapes do not fit
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const device = sharedDevice('linear', x, weight, bias);
  const [n, k] = weight.shape;
  if (weight.rank !== 2) {
    throw new ShapeError(`linear: weight wants [out, in], got ${formatShape(weight.shape)}`);
  }
  if (x.shape.at(-1) !== k) {
    throw new ShapeError(
      `linear: input has ${x.shape.at(-1) ?? 'no'} features ${formatShape(x.shape)}, weight wants ${k} ${formatShape(weight.shape)}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.size !== n)) {
    throw new ShapeError(`linear: bias wants ${formatShape([n])}, got ${formatShape(bias.shape)}`);
  }
  const from = x.shape;
  const rows = sizeOf(from.slice(0, -1));
  const single = { batch: 1, batchStrideA: 0, batchStrideB: 0 };
  const storage = device.matmul(x.storage, weight.storage, bias?.storage ?? null, {
    ...single,
    m: rows,
    n,
    k,
    transposeA: false,
    transposeB: true,
  });
  return record(new Tensor({ device, storage }, [...from.slice(0, -1), n]), {
    name: 'linear',
    inputs: [x, weight, bias],
    saved: [weight.requiresGrad ? x : null, x.requiresGrad ? weight : null],
    backward: (dy, [x, weight], [, , wantsBias]) => {
      const { device } = dy;
      const inputGrad = (weight: Tensor) =>
        device.matmul(dy.storage, weight.storage, null, {
          ...single,
          m: rows,
          n: k,
          k: n,
          transposeA: false,
          transposeB: false,
        });
      const weightGrad = (x: Tensor) =>
        device.matmul(dy.storage, x.storage, null, {
          ...single,
          m: n,
          n: k,
          k: rows,
          transposeA: true,
          transposeB: false,
        });
      return [
        weight && new Tensor({ device, storage: inputGrad(weight) }, from),
        x && new Tensor({ device, storage: weightGrad(x) }, [n, k]),
        wantsBias ? reduce('sum', new Tensor(dy, [rows, n]), [0]) : null,
      ];
    },
  });
}
