import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../../lib/devices/device.ts';
import type { GpuDevice } from '../../../../lib/devices/gpu/device.ts';
import { GlDevice } from '../../../../lib/devices/gpu/gl/device.ts';
import { createGpuDevice } from '../../../../lib/devices/gpu/open.ts';
import { DeviceError } from '../../../../lib/errors.ts';
import { Random } from '../../../devices/gpu/cases.ts';
import { skipped } from '../../../support/skipped.ts';
import { CASES } from './cases.ts';
import { mismatch } from './compare.ts';

let device: GpuDevice<unknown> | null = null;
try {
  device = (await createGpuDevice('headlessgl')) as GpuDevice<unknown>;
} catch (error) {
  if (!(error instanceof DeviceError)) throw error;
  skipped('lanes on headlessgl', error.message);
}

if (device) {
  const gl = device;
  console.log(gl.description);

  test('the device is the one with lanes', () => assert.instance(gl, GlDevice));

  CASES.forEach((one, index) => {
    test(one.name, async () => {
      for (let round = 0; round < 2; round++) assert.is(await mismatch(gl, one, index * 100 + round), null);
      assert.is(gl.memory().bytesInUse, 0);
    });
  });

  test('a second run compiles nothing', () => {
    for (const { run } of CASES) {
      const compiled = () => {
        for (const storage of new Set(run(gl, new Random(7)))) (gl as Device).free(storage);
        return gl.compilations;
      };
      assert.is(compiled(), compiled());
    }
  });
}

test.run();
