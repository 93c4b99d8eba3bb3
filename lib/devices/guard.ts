import { DeviceError } from '../errors.ts';
import type { Allocations } from './allocations.ts';
import type { Device, Primitives, Storage } from './device.ts';
import { EMPTY_ANSWERS, emptyStorage } from './empty.ts';

type Method = (...args: unknown[]) => unknown;

/**
 * Puts before a device's own methods what all devices promise alike: calls with a size of 0 are answered without a
 * kernel, a primitive that throws leaves nothing allocated, and after `dispose()` every use is a DeviceError, while
 * `free` does nothing. Returns the device.
 * @param allocations where the device notes what its primitives allocate
 */
export function guarded<D extends Device>(device: D, allocations: Pick<Allocations<unknown>, 'during'>): D {
  let disposed: Promise<void> | null = null;
  const checkAlive = () => {
    if (!disposed) return;
    throw new DeviceError(`${device.name}: the device was disposed of; init() opens another`);
  };
  const primitives: Record<string, Method> = {};
  for (const name of Object.keys(EMPTY_ANSWERS) as (keyof Primitives<Storage>)[]) {
    const run = device[name] as Method;
    const answer = EMPTY_ANSWERS[name] as Method;
    primitives[name] = (...args) => {
      checkAlive();
      return allocations.during(() => answer(device, ...args) ?? run.apply(device, args));
    };
  }
  const own = {
    upload: device.upload.bind(device),
    read: device.read.bind(device),
    readSync: device.readSync.bind(device),
    peek: device.peek.bind(device),
    free: device.free.bind(device),
    dispose: device.dispose.bind(device),
  };
  const storages: typeof own = {
    upload(data) {
      checkAlive();
      return data.length > 0 ? own.upload(data) : emptyStorage();
    },
    async read(x) {
      checkAlive();
      return x.length > 0 ? own.read(x) : new Float32Array();
    },
    readSync(x) {
      checkAlive();
      return x.length > 0 ? own.readSync(x) : new Float32Array();
    },
    peek(x) {
      checkAlive();
      return x.length > 0 ? own.peek(x) : new Float32Array();
    },
    free(x) {
      if (!disposed && x.length > 0) own.free(x);
    },
    dispose() {
      disposed ??= own.dispose();
      return disposed;
    },
  };
  return Object.assign(device, primitives, storages);
}
