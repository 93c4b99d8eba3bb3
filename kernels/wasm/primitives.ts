import type { Primitives, Storage } from '../primitives.ts';
import { batchNormalization } from './batch-norm/launch.ts';
import { convolution } from './conv2d/launch.ts';
import { elementwise } from './elementwise/launch.ts';
import { matrixProduct } from './gemm/launch.ts';
import type { Machine } from './machine.ts';
import { movement } from './movement.ts';
import { optimizerSteps } from './optim.ts';
import { pooling } from './pool/launch.ts';
import { reduction } from './reduce.ts';

/** Every primitive, on WebAssembly: the spread of its families. */
export function wasmPrimitives<S extends Storage>(machine: Machine<S>) {
  const moves = movement(machine);
  return {
    ...moves,
    ...elementwise(machine),
    ...reduction(machine),
    ...matrixProduct(machine),
    ...convolution(machine, moves),
    ...pooling(machine),
    ...batchNormalization(machine),
    ...optimizerSteps(machine),
  } satisfies Primitives<S>;
}
