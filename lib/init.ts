import { resolveOptions } from './arguments.ts';
import type { Device } from './devices/device.ts';
import { type InitOptions, openDevice, setDevice } from './devices/select.ts';
import { registerFormatter } from './tensor/devtools.ts';
import { seed } from './tensor/random.ts';

/**
 * Opens a device and makes it the current one; tensors made from then on live there. A device that was opened before
 * stays open, with its tensors, until its own `dispose()`.
 * @returns the device, whose `description` says what really executes
 * @throws ArgumentError for an option that there is not
 * @throws DeviceError naming what is missing and how to get it
 */
export async function init(options: InitOptions = {}): Promise<Device> {
  const resolved = resolveOptions('init', options, {
    device: 'auto',
    threads: undefined,
    winograd: true,
    seed: 0,
  });
  const { threads, winograd } = resolved;
  const device = await openDevice(resolved.device, { threads, winograd });
  setDevice(device);
  seed(resolved.seed);
  registerFormatter();
  return device;
}
