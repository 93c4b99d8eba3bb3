import { suite } from 'uvu';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { openOrSkip } from '../support/open-or-skip.ts';
import { CASES } from './cases.ts';
import { checkOp } from './check.ts';
import { checkDropout } from './dropout.ts';

/** Registers every case of the op table as a uvu test of a device, which is opened for them and ended after. */
export function testOnDevice(name: DeviceName, open: () => Device | Promise<Device>): void {
  const test = suite(name);
  let device: Device;
  test.before(async () => {
    device = await open();
    console.log(device.description);
  });
  for (const golden of CASES) test(golden.name, () => checkOp(golden, device));
  test('dropout: p = 0.5, statistics', () => checkDropout(device));
  test.after(() => device.dispose());
  test.run();
}

/** The same on a device by its name; says SKIPPED where the machine has none. */
export async function testNamedDevice(name: DeviceName): Promise<void> {
  const device = await openOrSkip(name, 'the op table');
  if (device) testOnDevice(name, () => device);
}
