import type { Machine } from '../../../kernels/wasm/machine.ts';
import { DeviceError } from '../../errors.ts';
import { Allocations } from '../allocations.ts';
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
  'upload' | 'read' | 'readSync' | 'peek' | 'free' | 'memory' | 'dispose'
>;

/** The storages of the CPU device: made, read and freed in the engine's memory. */
export function wasmStorages(launcher: WasmEngine) {
  const { heap } = launcher;
  const allocations = new Allocations<WasmStorage>(free);

  function allocate(length: number): WasmStorage {
    return allocations.add(new WasmStorage(length, heap.allocate(length * 4)));
  }

  function addressOf(x: WasmStorage): number {
    if (!x.address) throw new DeviceError(`wasm: a storage of ${x.length} values is used after it was freed`);
    return x.address;
  }

  function free(x: WasmStorage): void {
    launcher.packed.forget(addressOf(x));
    heap.free(x.address);
    x.address = 0;
    allocations.remove(x);
  }

  function readSync(x: WasmStorage): Float32Array {
    const start = addressOf(x) / 4;
    return new Float32Array(heap.f32.subarray(start, start + x.length));
  }

  const methods: StorageMethods = {
    readSync,
    peek: readSync,
    upload(data) {
      const storage = allocate(data.length);
      heap.f32.set(data, storage.address / 4);
      return storage;
    },
    read: async (x) => readSync(x),
    free,
    memory: () => ({ bytesInUse: heap.bytesInUse, bytesHeld: heap.bytesHeld }),
    dispose: () => launcher.stop(),
  };
  const machine: Machine<WasmStorage> = { launcher, allocate, addressOf };
  return { methods, machine, allocations };
}
