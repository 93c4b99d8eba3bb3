/** What may follow an op's own computation, in the same pass. */
import { ShapeError } from '../errors.ts';
import { formatShape, type Shape, sameShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { relu as maxZero } from './activations.ts';
import { add } from './add.ts';

/** What an op does with its result before it returns it: adds a residual, then applies ReLU. */
export interface Epilogue {
  /** Added, of the output's shape. Default none. */
  readonly residual?: Tensor | null;
  /** Ends in max(., 0). Default false. */
  readonly relu?: boolean;
}

/** @throws ShapeError where the residual is not of the output's shape */
export function checkResidual(op: string, residual: Tensor | null, output: Shape): void {
  if (residual && !sameShape(residual.shape, output)) {
    throw new ShapeError(
      `${op}: residual has shape ${formatShape(residual.shape)}, the output ${formatShape(output)}`,
    );
  }
}

/** x with the epilogue, in passes of its own. */
export function applyEpilogue(x: Tensor, { residual = null, relu = false }: Epilogue): Tensor {
  const sum = residual ? add(x, residual) : x;
  return relu ? maxZero(sum) : sum;
}
