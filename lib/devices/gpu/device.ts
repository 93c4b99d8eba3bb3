import { type GpuPrimitives, gpuPrimitives } from '../../../kernels/gpu/primitives.ts';
import { defaultBatchNorm } from '../composed/batch-norm.ts';
import { defaultConv2d } from '../composed/epilogue.ts';
import type { Device } from '../device.ts';
import { guarded } from '../guard.ts';
import type { Runtime } from './runtime.ts';
import { type GpuStorage, gpuMachine, gpuStorages, type StorageMethods } from './storages.ts';

export interface GpuDevice<B> extends Device<GpuStorage<B>> {
  /** Programs compiled so far: a second step of the same training compiles none. */
  readonly compilations: number;
}

/** The device on a runtime whose families have nothing faster than the programs of all backends. */
export function gpuDevice<B>(runtime: Runtime<B>): GpuDevice<B> {
  const { flat, ...methods } = gpuStorages(runtime);
  return composeGpuDevice(runtime, methods, gpuPrimitives(gpuMachine(runtime, flat, methods.free)));
}

/** A device of its storages and primitives; what these do not fuse is made of their plain forms. */
export function composeGpuDevice<B>(
  runtime: Runtime<B>,
  methods: StorageMethods<GpuStorage<B>>,
  { conv2dForward, normalize, normalizeGrad, ...primitives }: GpuPrimitives<GpuStorage<B>>,
): GpuDevice<B> {
  const { free } = methods;
  const device: GpuDevice<B> = {
    name: runtime.mode,
    description: runtime.description,
    get compilations() {
      return runtime.compilations;
    },
    ...methods,
    ...primitives,
    ...defaultConv2d({ ...primitives, conv2dForward, free }),
    ...defaultBatchNorm({ ...primitives, normalize, normalizeGrad, free }),
  };
  return guarded(device, runtime.allocations);
}
