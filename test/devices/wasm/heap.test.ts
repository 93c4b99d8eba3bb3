import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createWasmDevice } from '../../../lib/devices/wasm/device.ts';
import { WasmHeap } from '../../../lib/devices/wasm/heap.ts';
import { DeviceError } from '../../../lib/errors.ts';
import { Generator } from '../../../lib/tensor/random.ts';

test('blocks do not overlap, and joined free blocks are used again', () => {
  const heap = new WasmHeap(true, 4096);
  const random = new Generator(3);
  const live = new Map<number, number>();
  let held = 0;
  for (let turn = 0; turn < 4000; turn++) {
    if (live.size < 40 || random.random() < 0.5) {
      const bytes = 1 + random.integer(1 << (4 + random.integer(14)));
      const address = heap.allocate(bytes);
      assert.is(address % 64, 0);
      for (const [other, size] of live) {
        if (address < other + size && other < address + bytes) {
          assert.unreachable(`${address}+${bytes} overlaps ${other}+${size}`);
        }
      }
      live.set(address, bytes);
    } else {
      const address = [...live.keys()][random.integer(live.size)];
      heap.free(address);
      live.delete(address);
    }
    if (turn === 2000) held = heap.bytesHeld;
  }
  assert.is(heap.bytesHeld, held);
  for (const address of live.keys()) heap.free(address);
  assert.is(heap.bytesInUse, 0);
  assert.is(heap.allocate(held - 8192), 4096);
});

test('the work of an allocation does not grow with the number of free blocks', () => {
  /** Processor time for n blocks of which every second is freed first: the free ones then have no free neighbour. */
  const work = (n: number): number => {
    const heap = new WasmHeap(true, 4096);
    const start = process.cpuUsage();
    const addresses = Array.from({ length: n }, () => heap.allocate(64));
    for (let i = 1; i < n; i += 2) heap.free(addresses[i]);
    for (let i = 0; i < n; i += 2) heap.free(addresses[i]);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  work(25_000);
  const [few, many] = [work(25_000), work(200_000)];
  assert.ok(many < 40 * few, `8 times as many blocks take ${(many / few).toFixed(1)} times as long`);
});

test('a block is freed once', () => {
  const heap = new WasmHeap(true, 4096);
  const address = heap.allocate(100);
  heap.free(address);
  assert.throws(() => heap.free(address), /no live block/);
});

test('bytes that are no whole number are refused, and nothing else changes', () => {
  const heap = new WasmHeap(true, 4096);
  const before = heap.allocate(100);
  for (const bytes of [Number.NaN, -64, 0.5, Number.POSITIVE_INFINITY, 2 ** 40, 2 ** 60]) {
    assert.throws(
      () => heap.allocate(bytes),
      (error: unknown) => error instanceof DeviceError,
      `${bytes} bytes`,
    );
  }
  assert.is(heap.bytesInUse, 128);
  heap.free(before);
  assert.is(heap.allocate(100), before);
});

test('a full memory says what to reduce', async () => {
  const device = await createWasmDevice({ threads: 1 });
  const kept = device.fill(1000, 1);
  assert.throws(
    () => device.fill(2 ** 30, 0),
    (error: unknown) => error instanceof DeviceError && /reduce the batch size/.test(error.message),
  );
  assert.equal(device.readSync(kept), new Float32Array(1000).fill(1));
  await device.dispose();
});

test('a storage is not used after it was freed, and outlives its device harmlessly', async () => {
  const device = await createWasmDevice({ threads: 1 });
  const [x, y] = [device.fill(10, 1), device.fill(10, 1)];
  device.free(x);
  assert.throws(() => device.readSync(x), /after it was freed/);
  await device.dispose();
  device.free(y);
  assert.throws(() => device.fill(10, 1), /the device was disposed of; init\(\) opens another/);
});

test.run();
