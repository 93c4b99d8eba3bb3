import { suite } from 'uvu';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { openOrSkip } from '../support/open-or-skip.ts';
import { checkMalformed, OPS } from './malformed.ts';

/** Calls of each op; a GPU compiles a kernel for many of those that happen to be right. */
const CALLS: Partial<Record<DeviceName, number>> = {
  wasm: 100,
  cpu: 100,
  webasm: 100,
  headlessgl: 20,
  webgpu: 20,
};

const devices: Device[] = [];
for (const name of Object.keys(CALLS)) {
  const device = await openOrSkip(name as DeviceName, 'malformed arguments');
  if (device) devices.push(device);
}
for (const device of devices) {
  const test = suite(`malformed arguments on ${device.name}`);
  for (const op of OPS) {
    test(`${op} leaves the device as it was`, () => checkMalformed(device, op, CALLS[device.name] ?? 0));
  }
  test.after(() => device.dispose());
  test.run();
}
