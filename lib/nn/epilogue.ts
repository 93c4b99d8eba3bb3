/** What may follow a layer's own computation, in the same pass. */
import { add } from '../ops/add.ts';
import type { Tensor } from '../tensor/tensor.ts';
import * as F from './functional.ts';

export interface Epilogue {
  /** Added, of the output's shape. Default none. */
  readonly residual?: Tensor | null;
  /** Ends in max(., 0). Default false. */
  readonly relu?: boolean;
}

/** x with the epilogue, in passes of its own. */
export function finish(x: Tensor, { residual = null, relu = false }: Epilogue): Tensor {
  const sum = residual ? add(x, residual) : x;
  return relu ? F.relu(sum) : sum;
}
