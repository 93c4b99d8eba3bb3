import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Conv2dGeometry } from '../../../lib/devices/device.ts';
import { createWasmDevice, type WasmDevice } from '../../../lib/devices/wasm/device.ts';
import { WasmHeap } from '../../../lib/devices/wasm/heap.ts';
import { PackedWeights } from '../../../lib/devices/wasm/packed-weights.ts';
import { Generator } from '../../../lib/tensor/random.ts';
import { close } from '../../support/close-to.ts';

/** Makes a heap, and a `use` that tells whether the form had to be packed. */
function start() {
  const heap = new WasmHeap(true, 4096);
  const packed = new PackedWeights(heap);
  const use = (weights: number, form: string): boolean => {
    let made = 0;
    packed.use(
      weights,
      form,
      256,
      (to) => {
        made = to;
        heap.f32.fill(weights, to / 4, to / 4 + 64);
      },
      (from) => assert.is(heap.f32[from / 4 + 63], weights),
    );
    return made > 0;
  };
  return { heap, packed, use };
}

test('a form is kept from its second use on, until its weights change', () => {
  const { heap, packed, use } = start();
  assert.equal(
    [1, 2, 3, 4].map(() => use(64, 'rows')),
    [true, true, false, false],
  );
  assert.equal(
    [1, 2, 3].map(() => use(64, 'columns')),
    [true, true, false],
  );
  assert.equal(
    [1, 2, 3].map(() => use(128, 'rows')),
    [true, true, false],
  );
  assert.is(heap.bytesInUse, 0);
  packed.forget(64);
  assert.equal(
    [1, 2, 3].map(() => use(64, 'rows')),
    [true, true, false],
  );
  assert.not(use(128, 'rows'));
  assert.is(heap.bytesInUse, 0);
});

test('the forms are given up where memory runs out', () => {
  const { heap, use } = start();
  use(64, 'rows');
  use(64, 'rows');
  const blocks: number[] = [];
  for (let bytes = 2 ** 30; bytes >= 64; bytes /= 2) {
    assert.throws(() => {
      for (;;) blocks.push(heap.allocate(bytes));
    }, /no room/);
  }
  for (const block of blocks) heap.free(block);
  assert.ok(use(64, 'rows'), 'the form was kept though there was no room');
  assert.is(heap.bytesInUse, 0);
});

test('a form is not given up while it is in use', () => {
  const { heap, packed, use } = start();
  for (const weights of [64, 128, 64, 128]) use(weights, 'rows');
  const repack = () => assert.unreachable('the form was packed anew');
  packed.use(64, 'rows', 256, repack, (from) => {
    assert.ok(heap.reclaim());
    const other = heap.allocate(256);
    assert.is.not(other, from);
    heap.free(other);
  });
  assert.not(use(64, 'rows'));
  assert.ok(use(128, 'rows'));
});

test('a step, and a new storage at the same place, are computed with their own weights', async () => {
  const device: WasmDevice = await createWasmDevice({ threads: 2 });
  const random = new Generator(1);
  const values = (length: number) => Float32Array.from({ length }, () => random.random() - 0.5);
  const g: Conv2dGeometry = {
    batch: 2,
    inChannels: 20,
    inHeight: 12,
    inWidth: 12,
    outChannels: 24,
    outHeight: 12,
    outWidth: 12,
    kernelHeight: 3,
    kernelWidth: 3,
    strideHeight: 1,
    strideWidth: 1,
    paddingHeight: 1,
    paddingWidth: 1,
    dilationHeight: 1,
    dilationWidth: 1,
    groups: 1,
  };
  const pointwise = { ...g, kernelHeight: 1, kernelWidth: 1, paddingHeight: 0, paddingWidth: 0 };
  const x = device.upload(values(2 * 20 * 144));
  const dy = device.upload(values(2 * 24 * 144));
  for (const geometry of [g, pointwise]) {
    const length = 20 * 24 * geometry.kernelHeight * geometry.kernelWidth;
    const results = (weight: ReturnType<typeof device.upload>) =>
      [device.conv2d(x, weight, null, geometry), device.conv2dInputGrad(dy, weight, geometry)].map((y) => {
        const read = device.readSync(y);
        device.free(y);
        return read;
      });
    const fresh = (weight: Float32Array) => {
      const storage = device.upload(weight);
      const expected = results(storage);
      device.free(storage);
      return expected;
    };
    const before = device.memory().bytesInUse;
    let weight = device.upload(values(length));
    const first = results(weight);
    for (let turn = 0; turn < 3; turn++) assert.equal(results(weight), first);
    const grad = device.upload(values(length));
    const sgd = { lr: 1, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };
    device.sgdStep(weight, grad, null, sgd);
    assert.equal(results(weight), fresh(device.readSync(weight)));
    results(weight);
    const moments = [device.fill(length, 0), device.fill(length, 0)] as const;
    const adam = { lr: 1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, decoupled: false, step: 1 };
    device.adamStep(weight, grad, ...moments, adam);
    assert.equal(results(weight), fresh(device.readSync(weight)));
    results(weight);
    const { address } = weight;
    device.free(weight);
    weight = device.upload(values(length));
    assert.is(weight.address, address);
    const second = results(weight);
    close('the new weights', second[0], fresh(device.readSync(weight))[0]);
    assert.not.equal(second[0], first[0]);
    for (const storage of [weight, grad, ...moments]) device.free(storage);
    assert.is(device.memory().bytesInUse, before);
  }
  await device.dispose();
});

test.run();
