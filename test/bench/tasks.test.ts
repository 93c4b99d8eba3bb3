import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { settle } from '../../bench/measure/settle.ts';
import { openKernel } from '../../bench/workload/ours.ts';
import { sizeOf } from '../../bench/workload/shapes.ts';
import { type KernelTask, kernelTasks, nameOfKernel } from '../../bench/workload/tasks.ts';
import { openDevice } from '../../lib/devices/select.ts';

const tasks = kernelTasks(1);

test('names tell tasks apart', () => {
  assert.is(new Set(tasks.map(nameOfKernel)).size, tasks.length);
});

test("convolutions of a network's pass count as many operations forward and backward", () => {
  for (const { kernel, shape, flops } of tasks.filter(({ flops }) => flops > 0)) {
    const alike = tasks.filter((task) => task.kernel === kernel && task.shape === shape);
    for (const task of alike) assert.is(task.flops, flops, nameOfKernel(task));
  }
  const stem = tasks.find(({ shape }) => shape === 'resnet 7x7/2 3->64 @224');
  assert.is(stem?.flops, 2 * 112 * 112 * 64 * 3 * 49);
});

/** Gradients read what the forward pass left, which is none of their operands, or leave an operand unread. */
const readsAsGiven = ({ computation: { op } }: KernelTask): boolean =>
  !['batchNormGrad', 'maxPool2dGrad'].includes(op);

test('every task runs, finds finite values, moves the values that it says, and leaves memory as it was', async () => {
  const device = await openDevice('wasm', { threads: 1 });
  const before = device.memory().bytesInUse;
  for (const task of tasks) {
    const kernel = openKernel(device, task);
    const results = kernel.run();
    await settle(device, results[0]);
    const moved = [...task.operands.map(sizeOf), ...results.map(({ length }) => length)];
    const values = moved.reduce((a, b) => a + b);
    if (readsAsGiven(task)) assert.is(task.values, values, nameOfKernel(task));
    for (const storage of results) device.free(storage);
    kernel.close();
  }
  assert.is(device.memory().bytesInUse, before);
  await device.dispose();
});

test.run();
