import { ArgumentError, quote, ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { checkTensor, sharedDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { sliced } from './primitive-calls.ts';
import { reshape, unsqueeze } from './reshape.ts';

/**
 * Joins tensors along an axis, as torch.cat; all other sizes are equal, but a tensor of shape [0] goes with any.
 * @param axis default 0
 * @throws ShapeError naming the first tensor that does not fit
 */
export function cat(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensors('cat', tensors);
  const first = tensors.find((tensor) => !isBare(tensor)) ?? tensors[0];
  const device = sharedDevice('cat', first, ...tensors);
  const along = normalizeAxis('cat', axis, first.rank);
  if (first.rank > 1 && tensors.some(isBare)) {
    const empty = first.shape.with(along, 0);
    return tidy(() =>
      cat(
        tensors.map((tensor) => (isBare(tensor) ? reshape(tensor, empty) : tensor)),
        axis,
      ),
    );
  }
  const shapes = tensors.map(({ shape }) => shape);
  checkShapes(shapes, along);
  const sizes = shapes.map((shape) => shape[along]);
  const storage = device.concat(
    tensors.map((tensor) => tensor.storage),
    { outer: sizeOf(first.shape.slice(0, along)), sizes, inner: sizeOf(first.shape.slice(along + 1)) },
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return record(new Tensor({ device, storage }, first.shape.with(along, total)), {
    name: 'cat',
    attributes: { axis: along },
    inputs: tensors,
    backward: (dy, _, wanted) => {
      let end = 0;
      return shapes.map((shape, i) => {
        end += sizes[i];
        if (!wanted[i]) return null;
        const starts = shape.map((_, place) => (place === along ? end - sizes[i] : 0));
        return sliced(dy, shape, starts);
      });
    },
  });
}

const isBare = ({ shape }: Tensor): boolean => shape.length === 1 && shape[0] === 0;

function checkShapes(shapes: readonly Shape[], along: number): void {
  const [first] = shapes;
  shapes.forEach((shape, i) => {
    const fits = shape.length === first.length && shape.every((size, k) => k === along || size === first[k]);
    if (!fits) {
      throw new ShapeError(
        `cat: tensor ${i} has shape ${formatShape(shape)}, want ${formatShape(first)} but for axis ${along}`,
      );
    }
  });
}

/** @throws ArgumentError or ShapeError for anything but a list of at least one tensor */
function checkTensors(op: string, tensors: readonly Tensor[]): void {
  if (!Array.isArray(tensors))
    throw new ArgumentError(`${op}: wants a list of tensors, got ${quote(tensors)}`);
  if (tensors.length === 0) throw new ShapeError(`${op}: wants at least one tensor`);
  for (const [i, tensor] of tensors.entries()) checkTensor(op, tensor, `item ${i}`);
}

/**
 * Joins tensors of one shape along a new axis, as torch.stack.
 * @param axis where the new axis stands in the result; default 0
 * @throws ShapeError where the shapes differ
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  checkTensors('stack', tensors);
  return tidy(() =>
    cat(
      tensors.map((tensor) => unsqueeze(tensor, axis)),
      axis < 0 && tensors.length > 0 ? axis + tensors[0].rank + 1 : axis,
    ),
  );
}
