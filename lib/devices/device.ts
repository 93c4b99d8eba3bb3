/**
 * The contract between the ops and the machines that run them.
 *
 * A device owns storages (flat float32 buffers, row-major as seen from here) and has one method per primitive of
 * kernels/primitives.ts, whose names and geometries are also found here. A device that lacks a primitive does not
 * compile.
 */
import type { Primitives, Storage } from '../../kernels/primitives.ts';

export * from '../../kernels/primitives.ts';

export type GpuMode = 'headlessgl' | 'webgl2' | 'webgl' | 'webgpu' | 'webasm' | 'cpu';
export type DeviceName = 'wasm' | GpuMode;

export interface Device<S extends Storage = Storage> extends Primitives<S> {
  readonly name: DeviceName;
  /** One line on what really executes: backend, renderer or engine features, threads. */
  readonly description: string;
  /** Copies `data` to the device. */
  upload(data: Float32Array): S;
  /** Copies a storage's values back. */
  read(x: S): Promise<Float32Array>;
  /** As `read`, at once; throws DeviceError on a device that has no synchronous read. */
  readSync(x: S): Float32Array;
  /** Gives a storage back to the device's pool; it may not be used again. Does nothing on a disposed device. */
  free(x: S): void;
  /** Bytes of live storages, and bytes that the device holds from the system, pool included. */
  memory(): { bytesInUse: number; bytesHeld: number };
  /** Ends the device: workers, contexts and pools. Tensors may outlive it: their `free` then does nothing. */
  dispose(): Promise<void>;
}
