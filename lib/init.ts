import type { Device } from './devices/device.ts';
import { type InitOptions, openDevice, setDevice } from './devices/select.ts';
import { seed } from './tensor/random.ts';

/**
 * Opens a device and makes it the current one; tensors made from then on live there. A device that was opened before
 * stays open, with its tensors, until its own `dispose()`.
 * @returns the device, whose `description` says what really executes
 * @throws DeviceError naming what is missing and how to get it
 */
export async function init(options: InitOptions = {}): Promise<Device> {
  const device = await openDevice(options.device ?? 'auto', options.threads);
  setDevice(device);
  seed(options.seed ?? 0);
  return device;
}
