import type { PlainBatchNorm, PlainConv2d } from '../plain.ts';
import type { Primitives, Storage } from '../primitives.ts';
import { batchNormalization } from './batch-norm.ts';
import { convolution } from './conv2d.ts';
import { elementwise } from './elementwise.ts';
import type { GpuMachine } from './machine.ts';
import { matrixProduct } from './matmul.ts';
import { movement } from './movement.ts';
import { optimizerSteps } from './optim.ts';
import { pooling } from './pool.ts';
import { reduction } from './reduce.ts';

/** Every primitive but those that fuse several passes, whose plain forms are here instead. */
export type GpuPrimitives<S extends Storage> = Omit<Primitives<S>, 'conv2d' | 'batchNorm' | 'batchNormGrad'> &
  PlainConv2d<S> &
  PlainBatchNorm<S>;

/** The primitives on any gpu.js backend: one or a few programs each. */
export function gpuPrimitives<S extends Storage>(machine: GpuMachine<S>): GpuPrimitives<S> {
  const moves = movement(machine);
  const maps = elementwise(machine);
  return {
    ...moves,
    ...maps,
    ...reduction(machine, { ...moves, ...maps }),
    ...matrixProduct(machine),
    ...convolution(machine, moves),
    ...pooling(machine),
    ...batchNormalization(machine),
    ...optimizerSteps(machine),
  };
}
