import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { sharedDevice, sliced } from './primitive-calls.ts';
import { unsqueeze } from './reshape.ts';

/**
 * Joins tensors along an axis; all other sizes are equal.
 * @throws ShapeError naming the first tensor that does not fit
 */
export function cat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError('cat: wants at least one tensor');
  const [first, ...others] = tensors;
  const device = sharedDevice('cat', first, ...others);
  const along = normalizeAxis('cat', axis, first.rank);
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

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return tidy(() =>
    cat(
      tensors.map((tensor) => unsqueeze(tensor, axis)),
      axis < 0 && tensors.length > 0 ? axis + tensors[0].rank + 1 : axis,
    ),
  );
}
