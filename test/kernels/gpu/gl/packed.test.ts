import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../../lib/devices/device.ts';
import type { GpuDevice } from '../../../../lib/devices/gpu/device.ts';
import { PackedStorage } from '../../../../lib/devices/gpu/gl/packed-storages.ts';
import { createGpuDevice } from '../../../../lib/devices/gpu/open.ts';
import { DeviceError } from '../../../../lib/errors.ts';
import { Generator } from '../../../../lib/tensor/random.ts';
import { PACKED_CORNERS } from '../../../primitives/corners/packed.ts';
import { skipped } from '../../../support/skipped.ts';

let device: GpuDevice<unknown> | null = null;
try {
  device = (await createGpuDevice('headlessgl')) as GpuDevice<unknown>;
} catch (error) {
  if (!(error instanceof DeviceError)) throw error;
  skipped('packed storages on headlessgl', error.message);
}

if (device) {
  const gl = device;
  console.log(gl.description);

  test('a convolution leaves its output packed', () => {
    const plane = { batch: 1, inHeight: 3, inWidth: 3, outHeight: 3, outWidth: 3, groups: 1 };
    const kernel = { kernelHeight: 3, kernelWidth: 3, strideHeight: 1, strideWidth: 1 };
    const margins = { paddingHeight: 1, paddingWidth: 1, dilationHeight: 1, dilationWidth: 1 };
    const geometry = { ...plane, ...kernel, ...margins, inChannels: 4, outChannels: 4 };
    const x = gl.upload(new Float32Array(36));
    const weight = gl.upload(new Float32Array(144));
    const y = gl.conv2d(x, weight, null, geometry);
    assert.instance(y, PackedStorage);
    for (const storage of [x, weight, y]) gl.free(storage);
  });

  test('a second run compiles nothing', () => {
    for (const { run } of PACKED_CORNERS) {
      const compiled = () => {
        for (const storage of new Set(run(gl, new Generator(7)))) if (storage) (gl as Device).free(storage);
        return gl.compilations;
      };
      assert.is(compiled(), compiled());
    }
  });
}

test.run();
