import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, GpuMode } from '../../../lib/devices/device.ts';
import { createGpuDevice } from '../../../lib/devices/gpu.ts';
import { DeviceError } from '../../../lib/errors.ts';
import { ReferenceDevice } from '../../reference/device.ts';
import { CASES, type Case, Random } from './cases.ts';

/** Modes that Node can have; a browser's are checked by the tests in test/browser. */
const MODES: readonly GpuMode[] = ['cpu', 'webasm', 'headlessgl', 'webgpu'];
/** Geometries drawn for each case. */
const ROUNDS = 3;
/** float32 against float64: relative to the greatest value of the output. */
const TOLERANCE = 1e-5;

async function compare(device: Device, { name, run }: Case, seed: number): Promise<void> {
  const expected = run(new ReferenceDevice(), new Random(seed));
  const actual = run(device, new Random(seed));
  for (let k = 0; k < expected.length; k++) {
    const want = (expected[k] as { data?: Float32Array }).data as Float32Array;
    const got = await device.read(actual[k]);
    assert.is(got.length, want.length, `${name}, seed ${seed}: length of output ${k}`);
    const scale = Math.max(1, ...want.slice(0, 5000).map(Math.abs).filter(Number.isFinite));
    for (let i = 0; i < want.length; i++) {
      if (Object.is(got[i], want[i]) || Math.abs(got[i] - want[i]) <= TOLERANCE * scale) continue;
      assert.unreachable(
        `${name}, seed ${seed}: output ${k}[${i}] is ${got[i]}, the reference has ${want[i]}`,
      );
    }
  }
}

for (const mode of MODES) {
  let device: Device;
  try {
    device = await createGpuDevice(mode);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    console.error(`NOT TESTED: ${error.message}`);
    continue;
  }
  console.log(`${mode}: ${device.description}`);
  CASES.forEach((one, index) => {
    test(`${mode}: ${one.name}`, async () => {
      for (let round = 0; round < ROUNDS; round++) await compare(device, one, index * 1000 + round);
    });
  });
}

test.run();
