import type { Device, Storage } from '../../lib/devices/device.ts';

/**
 * Waits until a storage's values are there, on a device that only queues its work, by reading the last of them.
 * @throws Error where that is no finite number: a kernel that computes nonsense is not worth timing
 */
export async function settle(device: Device, storage: Storage): Promise<void> {
  const probe = device.strided(storage, { shape: [1], strides: [1], offset: storage.length - 1 });
  const [value] = await device.read(probe);
  device.free(probe);
  if (!Number.isFinite(value)) throw new Error(`a kernel's result is ${value}`);
}
