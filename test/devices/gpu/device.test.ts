import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, GpuMode, Storage } from '../../../lib/devices/device.ts';
import type { GpuDevice } from '../../../lib/devices/gpu/device.ts';
import { createGpuDevice, isSoftwareRenderer } from '../../../lib/devices/gpu/open.ts';
import { DeviceError } from '../../../lib/errors.ts';
import { Generator } from '../../../lib/tensor/random.ts';
import { skipped } from '../../support/skipped.ts';

/** Modes that Node can have; a browser's are checked by the tests in test/browser. */
const MODES: readonly GpuMode[] = ['cpu', 'webasm', 'headlessgl', 'webgpu'];

/** Vulkan on the CPU, which Debian's chromium brings: it lets `webgpu` run on a machine without a GPU. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(SWIFTSHADER)) process.env.VK_DRIVER_FILES ??= SWIFTSHADER;

function free(device: Device, storages: readonly Storage[]): void {
  for (const storage of new Set(storages)) device.free(storage);
}

/** A training step's kinds of work, freed as a tape would. */
function step(device: Device, seed: number): void {
  const random = new Generator(seed);
  const plane = { batch: 2, channels: 4, spatial: 25 };
  const geometry = { ...plane, channels: [4], eps: 1e-5, relu: true };
  const x = device.upload(random.uniform(200, -2, 2));
  const { mean, variance } = device.batchNormStatistics(x, plane);
  const operands = { mean, variance, weight: null, bias: null, residual: null };
  const y = device.batchNorm([x], operands, geometry);
  const total = device.reduce('sum', y, { shape: [200], reduced: [true] });
  const grads = device.batchNormGrad(y, [x], operands, { ...geometry, training: true });
  const [dx] = grads.inputs;
  const sgd = { dampening: 0, weightDecay: 0, nesterov: false, maximize: false };
  const stepped = device.sgdStep(x, dx, null, { ...sgd, lr: 0.1 / seed, momentum: 0.9 });
  const leaky = device.unary('leakyRelu', stepped.param, 0.1 / seed);
  free(device, [x, mean, variance, y, total, dx, grads.weight, grads.bias, leaky]);
  free(device, [stepped.param, stepped.velocity as Storage]);
}

for (const mode of MODES) {
  let device: GpuDevice<unknown>;
  try {
    device = (await createGpuDevice(mode)) as GpuDevice<unknown>;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    skipped(`device ${mode}`, error.message);
    continue;
  }
  console.log(`${mode}: ${device.description}`);

  test(`${mode}: a second step compiles nothing, and each leaves memory() as it was`, () => {
    step(device, 1);
    const compiled = device.compilations;
    const { bytesInUse } = device.memory();
    step(device, 2);
    assert.is(device.compilations, compiled);
    assert.is(device.memory().bytesInUse, bytesInUse);
  });

  test(`${mode}: programs of all sizes take turns`, async () => {
    for (const length of [10, 400_000, 10, 900_000, 400_000, 10]) {
      const [x, y] = [device.fill(length, 3), device.fill(length, 4)];
      const z = device.binary('sub', x, y, { shape: [length], strides: [[1], [1]] });
      assert.equal((await device.read(z)).slice(-2), Float32Array.of(-1, -1));
      free(device, [x, y, z]);
    }
  });

  test(`${mode}: more planes than a WebGPU dispatch has layers`, async () => {
    const planes = 70_000;
    const x = Float32Array.from({ length: planes * 4 }, (_, i) => i % 1009);
    const g = { batch: 7, channels: planes / 7, inHeight: 2, inWidth: 2, outHeight: 1, outWidth: 1 };
    const values = device.upload(x);
    const means = device.adaptiveAvgPool2d(values, g);
    const back = device.adaptiveAvgPool2dGrad(means, g);
    const expected = x.map((_, i) => x.slice(i - (i % 4), i - (i % 4) + 4).reduce((a, b) => a + b) / 16);
    assert.equal((await device.read(back)).slice(-4000), expected.slice(-4000));
    free(device, [values, means, back]);
  });

  test(`${mode}: a freed storage is not to be used`, () => {
    const x = device.upload(Float32Array.of(1, 2, 3));
    device.free(x);
    assert.throws(() => device.free(x), /freed/);
    assert.throws(() => device.unary('relu', x, 0), /freed/);
  });
}

test('a mode that is not there says what it needs', async () => {
  const error = await createGpuDevice('webgl2').catch((reason: Error) => reason);
  assert.instance(error, DeviceError);
  assert.match((error as Error).message, /browser with WebGL2/);
});

test('software renderers are known by name', () => {
  assert.ok(isSoftwareRenderer('gpu.js headlessgl, ANGLE (Mesa/X.org llvmpipe (LLVM 15.0.6, 256 bits))'));
  assert.ok(isSoftwareRenderer('gpu.js webgpu, google swiftshader'));
  assert.not(isSoftwareRenderer('gpu.js webgl2, ANGLE (NVIDIA, GeForce RTX 4090)'));
});

test.run();
