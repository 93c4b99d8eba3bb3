import { wasmPrimitives } from '../../../kernels/wasm/primitives.ts';
import { DeviceError } from '../../errors.ts';
import type { Device } from '../device.ts';
import { guarded } from '../guard.ts';
import { WasmEngine } from './engine.ts';
import { type WasmStorage, wasmStorages } from './storages.ts';
import type { WasmVariant } from './variant.ts';

export interface WasmOptions {
  /** Threads, the calling one included; default: all cores. One where memory cannot be shared. */
  threads?: number;
  /** Instructions to use; default `'auto'`, or what the environment variable GRADIOGRAPH_WASM says. */
  variant?: 'auto' | WasmVariant;
  /** See `InitOptions.winograd`; default true. */
  winograd?: boolean;
}

export type WasmDevice = Device<WasmStorage>;

/**
 * Opens the CPU device: WebAssembly SIMD that the library emits, on threads over one shared memory of at most 4 GiB.
 * @throws DeviceError when the engine lacks SIMD, or the variant that was asked for.
 */
export async function createWasmDevice(options: WasmOptions = {}): Promise<WasmDevice> {
  const threads = options.threads ?? (await cores());
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new DeviceError(`wasm: threads is ${threads}, wants an integer from 1 to 256`);
  }
  const engine = await WasmEngine.start(threads, options.variant ?? 'auto', options.winograd);
  const { methods, machine, allocations } = wasmStorages(engine);
  const count = engine.threads === 1 ? '1 thread' : `${engine.threads} threads`;
  const device: WasmDevice = {
    name: 'wasm',
    description: `wasm: ${engine.instructions}, ${count}`,
    ...methods,
    ...wasmPrimitives(machine),
  };
  return guarded(device, allocations);
}

async function cores(): Promise<number> {
  if (typeof process !== 'undefined' && process.versions?.node) {
    const { availableParallelism } = await import('../node.ts');
    return availableParallelism();
  }
  return globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
}
