import { test } from 'uvu';
import type { DeviceName } from '../../lib/devices/device.ts';
import { openOrSkip } from '../open-or-skip.ts';
import { checkPrimitive, PRIMITIVES } from './check-primitive.ts';

/** Checks `draws` random calls of each primitive; DRAWS=n asks for more. */
export async function testPrimitives(name: DeviceName, draws: number): Promise<void> {
  const device = await openOrSkip(name, 'random geometries');
  if (!device) return;
  console.log(`${device.name}: ${device.description}`);
  for (const primitive of PRIMITIVES) {
    test(`${primitive}: random geometries`, async () => {
      for (let draw = 0; draw < Number(process.env.DRAWS ?? draws); draw++) {
        await checkPrimitive(device, primitive, draw);
      }
    });
  }
  test('ends', () => device.dispose());
  test.run();
}
