import { packedPrimitives } from '../../../../kernels/gpu/gl/packed.ts';
import { tiledPrimitives } from '../../../../kernels/gpu/gl/tiled.ts';
import { gpuPrimitives } from '../../../../kernels/gpu/primitives.ts';
import { composeGpuDevice, type GpuDevice } from '../device.ts';
import { gpuMachine } from '../storages.ts';
import { glStorages } from './packed-storages.ts';
import type { GlBuffer, GlRuntime } from './runtime.ts';

/** The device on GL: programs in four lanes, and for what they do not fit, those of all backends. */
export function glDevice(runtime: GlRuntime): GpuDevice<GlBuffer> {
  const { methods, machine } = glStorages(runtime);
  const base = gpuPrimitives(gpuMachine(runtime, machine.flat, methods.free));
  return composeGpuDevice(runtime, methods, {
    ...base,
    ...packedPrimitives(machine, base),
    ...tiledPrimitives(machine, base),
  });
}
