import type { Machine } from '../../../kernels/wasm/machine.ts';
import { DeviceError } from '../../errors.ts';
import type { Device, Storage } from '../device.ts';
import type { WasmEngine } from './engine.ts';

/** A block of the engine's memory; `address` is 0 once it is freed. */
export class WasmStorage implements Storage {
  constructor(
    readonly length: number,
    public address: number,
  ) {}
}

type StorageMethods = Pick<
  Device<WasmStorage>,
  'upload' | 'read' | 'readSync' | 'free' | 'memory' | 'dispose'
>;

/** The storages of the CPU device: made, read and freed in the engine's memory. */
export function wasmStorages(launcher: WasmEngine): StorageMethods & Machine<WasmStorage> {
  const { heap } = launcher;

  function allocate(length: number): WasmStorage {
    return new WasmStorage(length, heap.allocate(length * 4));
  }

  function addressOf(x: WasmStorage): number {
    if (!x.address) throw new DeviceError(`wasm: a storage of ${x.length} values is used after it was freed`);
    return x.address;
  }

  function readSync(x: WasmStorage): Float32Array {
    const start = addressOf(x) / 4;
    return new Float32Array(heap.f32.subarray(start, start + x.length));
  }

  return {
    launcher,
    allocate,
    addressOf,
    readSync,
    upload(data) {
      const storage = allocate(data.length);
      heap.f32.set(data, storage.address / 4);
      return storage;
    },
    read: async (x) => readSync(x),
    free(x) {
      launcher.packed.forget(addressOf(x));
      heap.free(x.address);
      x.address = 0;
    },
    memory: () => ({ bytesInUse: heap.bytesInUse, bytesHeld: heap.bytesHeld }),
    dispose: () => launcher.stop(),
  };
}
