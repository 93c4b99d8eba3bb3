import { test } from 'uvu';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { openDevice } from '../../lib/devices/select.ts';
import { DeviceError } from '../../lib/errors.ts';
import { skipped } from '../skipped.ts';
import { CASES } from './cases.ts';
import { checkOp } from './check.ts';
import { checkDropout } from './dropout.ts';

/** Registers every case of the op table as a uvu test on an open device, and says what executes them. */
export function testOnDevice(device: Device): void {
  console.log(`${device.name}: ${device.description}`);
  for (const golden of CASES) test(golden.name, () => checkOp(golden, device));
  test('dropout: p = 0.5, statistics', () => checkDropout(device));
  test('ends', () => device.dispose());
  test.run();
}

/** Devices that a machine may lack; the others run on any. */
const OPTIONAL: readonly DeviceName[] = ['headlessgl', 'webgpu'];

/** The same on a device by its name; says SKIPPED where the machine has none. */
export async function testNamedDevice(name: DeviceName): Promise<void> {
  let device: Device;
  try {
    device = await openDevice(name);
  } catch (error) {
    if (!(error instanceof DeviceError) || !OPTIONAL.includes(name)) throw error;
    skipped(`the op table on ${name}`, error.message);
    return;
  }
  testOnDevice(device);
}
