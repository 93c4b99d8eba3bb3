/**
 * The contract between the ops and the machines that run them.
 *
 * A device owns storages (flat float32 buffers, row-major as seen from here) and has one method per primitive of
 * kernels/primitives.ts, whose names and geometries are also found here. A device that lacks a primitive does not
 * compile.
 */
import type { Primitives, Storage } from '../../kernels/primitives.ts';

export * from '../../kernels/primitives.ts';

/** gpu.js's backends: OpenGL in Node, WebGL 2 and 1, WebGPU, gpu.js's own WebAssembly, and plain JavaScript. */
export type GpuMode = 'headlessgl' | 'webgl2' | 'webgl' | 'webgpu' | 'webasm' | 'cpu';
/** The devices there are: WebAssembly that the library emits itself, and gpu.js's backends. */
export type DeviceName = 'wasm' | GpuMode;

/** Bytes of a device's storages. */
export interface DeviceMemory {
  /** Bytes of live storages. */
  readonly bytesInUse: number;
  /** Bytes that the device holds from the system, pool included. */
  readonly bytesHeld: number;
}

/** What holds the values of tensors and computes with them. `init()` opens one. */
export interface Device<S extends Storage = Storage> extends Primitives<S> {
  /** Which device it is. */
  readonly name: DeviceName;
  /** One line on what really executes: backend, renderer or engine features, threads. */
  readonly description: string;
  /** Copies `data` to the device. */
  upload(data: Float32Array): S;
  /** Copies a storage's values back. */
  read(x: S): Promise<Float32Array>;
  /** As `read`, at once; throws DeviceError on a device that has no synchronous read. */
  readSync(x: S): Float32Array;
  /** A storage's values where they can be had without a wait for the device, as those just uploaded; else null. */
  peek(x: S): Float32Array | null;
  /** Gives a storage back to the device's pool; it may not be used again. Does nothing on a disposed device. */
  free(x: S): void;
  /** What the device's storages take in memory. */
  memory(): DeviceMemory;
  /** Ends the device: workers, contexts and pools. Tensors may outlive it: their `free` then does nothing. */
  dispose(): Promise<void>;
}
