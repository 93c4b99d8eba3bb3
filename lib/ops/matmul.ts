import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { sharedDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { asTensor, type Operand } from './operand.ts';
import { expandTo, sumTo } from './primitive-calls.ts';
import { reshape } from './reshape.ts';

/**
 * The matrix product, with torch.matmul's rules: a vector is a row on the left and a column on the right, and loses
 * that axis again; of more than two axes the last two are the matrix, those before are batches, which broadcast.
 * @throws ShapeError if the inner sizes differ, an operand is a scalar, or batches do not broadcast
 */
export function matmul(a: Tensor, b: Operand): Tensor {
  if (!(b instanceof Tensor)) return tidy(() => matmul(a, asTensor('matmul', 'other', b, a)));
  sharedDevice('matmul', a, b);
  const inner = b.rank === 1 ? b.shape[0] : b.shape[b.rank - 2];
  if (a.rank === 0 || b.rank === 0 || a.shape[a.rank - 1] !== inner) {
    throw new ShapeError(
      `matmul: ${formatShape(a.shape)} @ ${formatShape(b.shape)}: ${mismatch(a, b, inner)}`,
    );
  }
  if (a.rank > 1 && b.rank > 1 && (a.rank === 2 || b.rank > 2)) return batched(a, b);
  return tidy(() => {
    const rows = reshape(a, [sizeOf(a.shape.slice(0, -1)), inner]);
    const columns = b.rank === 1 ? reshape(b, [inner, 1]) : b;
    const product = batched(rows, columns);
    const batches = b.rank > 2 ? b.shape.slice(0, -2) : a.shape.slice(0, -1);
    return reshape(product, b.rank === 1 ? batches : [...batches, b.shape[b.rank - 1]]);
  });
}

const mismatch = (a: Tensor, b: Tensor, inner: number): string =>
  a.rank === 0 || b.rank === 0
    ? 'wants at least one axis each'
    : `the left has ${a.shape[a.rank - 1]} columns, the right ${inner} rows`;

/** a `[..., m, k]` @ b `[..., k, n]` */
function batched(a: Tensor, b: Tensor): Tensor {
  const [shapeA, shapeB] = [a.shape, b.shape];
  return record(product(a, b, false, false), {
    name: 'matmul',
    inputs: [a, b],
    saved: [b.requiresGrad ? a : null, a.requiresGrad ? b : null],
    backward: (dy, [a, b]) => [
      b && sumTo(product(dy, b, false, true), shapeA),
      a && sumTo(product(a, dy, true, false), shapeB),
    ],
  });
}

/** op(a) @ op(b) of the last two axes, not recorded. */
function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const device = sharedDevice('matmul', a, b);
  const [m, k] = transposeA ? a.shape.slice(-2).reverse() : a.shape.slice(-2);
  const n = b.shape[b.rank - (transposeB ? 2 : 1)];
  const batches = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const batch = sizeOf(batches);
  return tidy(() => {
    const [left, right] = [repeated(a, batches), repeated(b, batches)];
    const storage = device.matmul(left.storage, right.storage, null, {
      batch,
      m,
      n,
      k,
      transposeA,
      transposeB,
      batchStrideA: left.size === m * k ? 0 : m * k,
      batchStrideB: right.size === k * n ? 0 : k * n,
    });
    return new Tensor({ device, storage }, [...batches, m, n]);
  });
}

/** x itself if it has one matrix or all of them, else repeated to the batches' shape. */
function repeated(x: Tensor, batches: Shape): Tensor {
  const own = sizeOf(x.shape.slice(0, -2));
  return own === 1 || own === sizeOf(batches) ? x : expandTo(x, [...batches, ...x.shape.slice(-2)]);
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * The matrix product `[..., m, k] @ [..., k, n]`, with torch.matmul's rules for vectors and batches.
     * @throws ShapeError if the inner sizes differ, one of both is a scalar, or batches do not broadcast
     */
    matmul(other: Operand): Tensor;
  }
}
