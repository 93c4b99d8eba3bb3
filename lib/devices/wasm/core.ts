import { DeviceError } from '../../errors.ts';
import type { Storage } from '../device.ts';
import type { WasmEngine } from './engine.ts';
import { describeVariant } from './variant.ts';

/** Values of a task of a memory-bound kernel. */
export const CHUNK = 16384;

/** A block of the engine's memory; `address` is 0 once it is freed. */
export class WasmStorage implements Storage {
  readonly length: number;
  address: number;
  constructor(length: number, address: number) {
    this.length = length;
    this.address = address;
  }
}

/** What holds the tensors of the CPU device: storages in the engine's memory, made, read and freed. */
export abstract class WasmCore {
  readonly name = 'wasm';
  readonly description: string;
  protected readonly engine: WasmEngine;
  #disposed = false;

  constructor(engine: WasmEngine) {
    this.engine = engine;
    const threads = engine.threads === 1 ? '1 thread' : `${engine.threads} threads`;
    this.description = `wasm: ${describeVariant(engine.variant)}, ${threads}`;
  }

  protected make(length: number): WasmStorage {
    if (this.#disposed) throw new DeviceError('wasm: the device was disposed of; init() opens another');
    return new WasmStorage(length, this.engine.heap.allocate(length * 4));
  }

  protected at(x: WasmStorage): number {
    if (!x.address) throw new DeviceError(`wasm: a storage of ${x.length} values is used after it was freed`);
    return x.address;
  }

  upload(data: Float32Array): WasmStorage {
    const storage = this.make(data.length);
    this.engine.heap.f32.set(data, storage.address / 4);
    return storage;
  }

  async read(x: WasmStorage): Promise<Float32Array> {
    return this.readSync(x);
  }

  readSync(x: WasmStorage): Float32Array {
    const start = this.at(x) / 4;
    return new Float32Array(this.engine.heap.f32.subarray(start, start + x.length));
  }

  free(x: WasmStorage): void {
    if (this.#disposed) return;
    this.engine.packed.forget(this.at(x));
    this.engine.heap.free(x.address);
    x.address = 0;
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    const { bytesInUse, bytesHeld } = this.engine.heap;
    return { bytesInUse, bytesHeld };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.engine.stop();
  }

  fill(length: number, value: number): WasmStorage {
    const out = this.make(length);
    this.engine.heap.f32.fill(value, out.address / 4, out.address / 4 + length);
    return out;
  }
}
