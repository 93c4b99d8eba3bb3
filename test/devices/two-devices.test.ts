/** Two devices alive at one time: wasm, and gpu.js's plain JavaScript, which both run anywhere. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../lib/devices/device.ts';
import {
  currentDevice,
  F,
  init,
  memory,
  nn,
  noGrad,
  ones,
  optim,
  setDevice,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from '../../lib/index.ts';
import { errorOf } from '../support/reference-device.ts';

const test = suite('two devices');
let wasm: Device;
let cpu: Device;
test.before(async () => {
  wasm = await init({ device: 'wasm', threads: 1 });
  cpu = await init({ device: 'cpu' });
});
test.after(async () => {
  await wasm.dispose();
  await cpu.dispose();
});

const values = (x: Tensor | null) => x && [...x.dataSync()];

test('the current device is the one that init opened last, and can be set', () => {
  assert.is(currentDevice(), cpu);
  assert.is(ones(1).device, cpu);
  setDevice(wasm);
  assert.is(currentDevice(), wasm);
  assert.is(ones(1).device, wasm);
  assert.is(ones(1, { device: cpu }).device, cpu);
});

test('to copies to the other device, and its gradient comes back', () => {
  for (const [home, other] of [
    [wasm, cpu],
    [cpu, wasm],
  ]) {
    // biome-ignore format: pairs
    const before = [memory(home).tensors, memory(other).tensors];
    const x = tensor([1, -2, 3], { device: home, requiresGrad: true });
    tidy(() => {
      const moved = x.to(other);
      assert.is(moved.device, other);
      assert.equal(values(moved), [1, -2, 3]);
      assert.is(moved.to(other), moved);
      moved.mul(moved).sum().to(home).mul(2).backward();
    });
    assert.is(x.grad?.device, home);
    assert.equal(values(x.grad), [4, -8, 12]);
    x.dispose();
    assert.equal([memory(home).tensors, memory(other).tensors], before);
  }
});

test('operands on two devices are an error that names the op and both', () => {
  const [a, b] = [ones(2, 2, { device: wasm, requiresGrad: true }), ones(2, 2, { device: cpu })];
  const image = (device: Device) => ones(1, 1, 2, 2, { device });
  const calls: Record<string, () => unknown> = {
    add: () => a.add(b),
    matmul: () => a.matmul(b),
    linear: () => F.linear(a, b),
    conv2d: () => F.conv2d(image(wasm), image(cpu)),
    batchNorm: () => F.batchNorm(image(wasm), zeros(1, { device: cpu }), null, { training: true }),
    mseLoss: () => F.mseLoss(a, b),
    crossEntropy: () => F.crossEntropy(a, zeros(2, { device: cpu })),
    where: () => b.where(a, 0),
    backward: () => a.mul(2).backward(b),
  };
  for (const [op, call] of Object.entries(calls)) {
    assert.is(
      errorOf(call),
      `DeviceError: ${op}: operands live on two devices, wasm and cpu; bring one over with to(device)`,
    );
  }
  assert.match(errorOf(() => a.to('cpu' as never)), "ArgumentError: to: wants a device as `await init()` returns, got 'cpu'"); // biome-ignore format: one line
});

test('a model moves with its buffers, and trains on the other device to the same values', () => {
  const trained = [wasm, cpu].map((device) => {
    setDevice(wasm);
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1));
    noGrad(() =>
      model.parameters().forEach((p, i) => void p.copy_(tensor([(i + 1) / 10]).expand(...p.shape))),
    );
    const before = memory(wasm).tensors;
    assert.is(model.to(device), model);
    assert.is(memory(wasm).tensors, device === wasm ? before : before - 4);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    for (let step = 0; step < 3; step++) {
      tidy(() => {
        const x = tensor([[1, 2], [3, -4]], { device }); // biome-ignore format: a matrix
        optimizer.zeroGrad();
        F.mseLoss(model(x), [[1], [2]]).backward();
        optimizer.step();
      });
    }
    assert.ok(model.parameters().every((parameter) => parameter.device === device && parameter.requiresGrad));
    return model.parameters().flatMap((parameter) => [...parameter.dataSync()]);
  });
  const [onWasm, onCpu] = trained.map((all) => all.map((value) => value.toFixed(5)));
  assert.equal(onCpu, onWasm);
});

test('an optimiser whose model moved away says so', () => {
  const model = new nn.Linear(2, 1).to(wasm);
  const optimizer = new optim.Adam(model.parameters());
  const step = (device: Device) =>
    tidy(() => {
      optimizer.zeroGrad();
      model(ones(1, 2, { device }))
        .sum()
        .backward();
      optimizer.step();
    });
  step(wasm);
  model.to(cpu);
  assert.match(
    errorOf(() => step(cpu)),
    'DeviceError: optimizer: operands live on two devices, cpu and wasm',
  );
});

test.run();
