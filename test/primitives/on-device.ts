import { suite } from 'uvu';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { openOrSkip } from '../support/open-or-skip.ts';
import type { Case } from './case.ts';
import { check, checkFailures, type Tolerance } from './check.ts';
import { ELEMENTWISE_CORNERS } from './corners/elementwise.ts';
import { IMAGE_CORNERS } from './corners/images.ts';
import { PACKED_CORNERS } from './corners/packed.ts';
import { STEP_CORNERS } from './corners/steps.ts';
import { TENSOR_CORNERS } from './corners/tensors.ts';
import { GeneratorOfEmpties } from './drawing.ts';
import { RANDOM_CASES } from './random/cases.ts';

const CORNERS: readonly Case[] = [
  ...ELEMENTWISE_CORNERS,
  ...TENSOR_CORNERS,
  ...IMAGE_CORNERS,
  ...STEP_CORNERS,
  ...PACKED_CORNERS,
];
/** Geometries drawn for each corner. */
const CORNER_ROUNDS = 2;
const CORNER_TOLERANCE: Tolerance = { ofLargest: 1e-5, ofEach: 0 };
/** Sums of thousands of products differ in the order of adding. */
const RANDOM_TOLERANCE: Tolerance = { ofLargest: 2e-5, ofEach: 1e-4 };

/**
 * Registers every primitive as uvu tests of a device, against the reference: corner cases, and `draws` random calls
 * (DRAWS=n asks for more).
 */
export function testPrimitives(draws: number, open: () => Device | Promise<Device>): void {
  const test = suite('primitives');
  let device: Device;
  test.before(async () => {
    device = await open();
    console.log(device.description);
  });
  const register = (
    cases: readonly Case[],
    rounds: number,
    tolerance: Tolerance,
    Random: typeof Generator,
    kind = '',
  ) => {
    cases.forEach((one, index) => {
      test(one.name + kind, async () => {
        for (let round = 0; round < rounds; round++) {
          await check(device, one, index * 1000 + round, tolerance, Random);
        }
      });
    });
  };
  const rounds = Number(process.env.DRAWS ?? draws);
  register(CORNERS, CORNER_ROUNDS, CORNER_TOLERANCE, Generator);
  register(RANDOM_CASES, rounds, RANDOM_TOLERANCE, Generator);
  register(RANDOM_CASES, rounds, RANDOM_TOLERANCE, GeneratorOfEmpties, ', of empty tensors too');
  RANDOM_CASES.forEach((one, index) => {
    test(`${one.name} leaves nothing allocated where it throws`, () => {
      for (let round = 0; round < 3; round++) checkFailures(device, one, index * 1000 + round);
    });
  });
  test.after(() => device.dispose());
  test.run();
}

/** The same on a device by its name; says SKIPPED where the machine has none. */
export async function testNamedPrimitives(name: DeviceName, draws: number): Promise<void> {
  const device = await openOrSkip(name, 'primitives');
  if (device) testPrimitives(draws, () => device);
}
