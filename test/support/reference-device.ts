import { setDevice } from '../../lib/devices/select.ts';
import { memory } from '../../lib/index.ts';
import { ReferenceDevice } from './reference/device.ts';

/** A reference device with nothing on it, made the current one. */
export function freshDevice(): ReferenceDevice {
  const device = new ReferenceDevice();
  setDevice(device);
  return device;
}

/** Storages and bytes in use. */
export function inUse(): { tensors: number; bytes: number } {
  const { tensors, bytesInUse } = memory();
  return { tensors, bytes: bytesInUse };
}

/** The message of what `fn` throws, after its class' name. */
export function errorOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof Error) return `${error.name}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was thrown');
}
