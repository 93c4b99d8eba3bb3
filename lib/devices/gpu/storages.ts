import type { GpuMachine } from '../../../kernels/gpu/machine.ts';
import { pointwiseProgram } from '../../../kernels/gpu/program/pointwise.ts';
import { DeviceError } from '../../errors.ts';
import type { Device, Storage } from '../device.ts';
import type { Runtime } from './runtime.ts';

/** Values in a runtime's buffer, null once they are freed. */
export class GpuStorage<B> implements Storage {
  /** The values that were uploaded to it, where they are few. */
  uploaded: Float32Array | null = null;

  constructor(
    readonly length: number,
    public buffer: B | null,
  ) {}
}

/** The labels of a batch, not its images. */
const MOST_KEPT = 2 ** 16;

export type StorageMethods<S extends Storage> = Pick<
  Device<S>,
  'upload' | 'read' | 'readSync' | 'peek' | 'free' | 'memory' | 'dispose'
>;

/** Storages on a runtime: how they are made, read and freed. */
export function gpuStorages<B>(
  runtime: Runtime<B>,
): StorageMethods<GpuStorage<B>> & { flat(x: GpuStorage<B>): B } {
  function flat(x: GpuStorage<B>): B {
    if (x.buffer === null) throw new DeviceError(`${runtime.mode}: a storage was used after it was freed`);
    return x.buffer;
  }
  const isHost = runtime.mode === 'cpu' || runtime.mode === 'webasm';
  return {
    flat,
    upload(data) {
      const storage = new GpuStorage(data.length, runtime.upload(data));
      if (data.length <= MOST_KEPT && !isHost) storage.uploaded = data.slice();
      return storage;
    },
    peek: (x) => (isHost ? runtime.readSync(flat(x)) : x.uploaded),
    read: async (x) => runtime.read(flat(x)),
    readSync: (x) => runtime.readSync(flat(x)),
    free(x) {
      runtime.free(flat(x));
      x.buffer = null;
      x.uploaded = null;
    },
    memory: () => runtime.memory(),
    dispose: () => runtime.dispose(),
  };
}

/** Runs the families' programs on a runtime; `flat` gives a storage's values in row-major order. */
export function gpuMachine<B>(
  runtime: Runtime<B>,
  flat: (x: GpuStorage<B>) => B,
  free: (x: GpuStorage<B>) => void,
): GpuMachine<GpuStorage<B>> {
  return {
    maxInputs: runtime.maxInputs,
    free,
    run: (length, key, build, inputs, scalars) =>
      new GpuStorage(length, runtime.run(key, build, inputs.map(flat), scalars)),
    pointwise(key, build, inputs, scalars, length = inputs[0].length) {
      const buffers = inputs.map(flat);
      if (runtime.pointwise) {
        const results = runtime.pointwise(key, build, buffers, scalars, length);
        return results.map((buffer) => new GpuStorage(length, buffer));
      }
      return build().results.map((_, k) => {
        const program = () => pointwiseProgram(build(), k, length);
        return new GpuStorage(length, runtime.run(`${key} ${k} ${length}`, program, buffers, scalars));
      });
    },
  };
}
