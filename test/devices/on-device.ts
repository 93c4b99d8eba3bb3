import { suite } from 'uvu';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { openOrSkip } from '../support/open-or-skip.ts';
import { checkPrimitive, PRIMITIVES } from './check-primitive.ts';
import { GeneratorOfEmpties } from './drawing.ts';

/** Registers `draws` random calls of each primitive as uvu tests of a device; DRAWS=n asks for more. */
export function testPrimitives(draws: number, open: () => Device | Promise<Device>): void {
  const test = suite('random geometries');
  let device: Device;
  test.before(async () => {
    device = await open();
    console.log(device.description);
  });
  for (const primitive of PRIMITIVES) {
    test(`${primitive}: random geometries`, async () => {
      for (let draw = 0; draw < Number(process.env.DRAWS ?? draws); draw++) {
        await checkPrimitive(device, primitive, draw);
      }
    });
    test(`${primitive}: random geometries with empty tensors`, async () => {
      for (let draw = 0; draw < Number(process.env.DRAWS ?? draws); draw++) {
        await checkPrimitive(device, primitive, draw, GeneratorOfEmpties);
      }
    });
  }
  test.after(() => device.dispose());
  test.run();
}

/** The same on a device by its name; says SKIPPED where the machine has none. */
export async function testNamedPrimitives(name: DeviceName, draws: number): Promise<void> {
  const device = await openOrSkip(name, 'random geometries');
  if (device) testPrimitives(draws, () => device);
}
