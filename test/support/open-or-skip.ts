import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { openDevice } from '../../lib/devices/select.ts';
import { DeviceError } from '../../lib/errors.ts';
import { skipped } from './skipped.ts';

/** Devices that a machine may lack; the others run on any. */
const OPTIONAL: readonly DeviceName[] = ['headlessgl', 'webgpu'];

/** The device, or null, with a SKIPPED line, where it is one that this machine lacks. */
export async function openOrSkip(name: DeviceName, what: string): Promise<Device | null> {
  try {
    return await openDevice(name);
  } catch (error) {
    if (!(error instanceof DeviceError) || !OPTIONAL.includes(name)) throw error;
    skipped(`${what} on ${name}`, error.message);
    return null;
  }
}
