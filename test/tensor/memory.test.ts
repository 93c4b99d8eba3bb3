import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../lib/devices/device.ts';
import { F, keep, noGrad, ones, randn, Tensor, tensor, tidy, zeros } from '../../lib/index.ts';
import { errorOf, freshDevice, inUse } from '../support/reference-device.ts';

const test = suite('memory');
test.before.each(() => void freshDevice());

/** A small network of most kinds of layers. */
function makeNetwork() {
  const parameter = (...shape: number[]) => randn(shape, { requiresGrad: true });
  const parameters = [
    parameter(4, 3, 3, 3),
    parameter(4),
    parameter(4),
    parameter(4),
    parameter(4, 2, 3, 3),
    parameter(2, 8),
    parameter(2),
  ];
  const [w1, b1, gamma, beta, w2, w3, b3] = parameters;
  const [mean, variance] = [zeros([4]), ones([4])];
  const loss = (training: boolean) => {
    const x = randn([2, 3, 8, 8]);
    const first = F.conv2d(x, w1, b1, { padding: 'same' });
    const normal = F.batchNorm(first, mean, variance, { weight: gamma, bias: beta, training });
    const pooled = F.maxPool2d(F.relu(normal), { kernelSize: 3, stride: 2, padding: 1 });
    const second = F.conv2d(pooled, w2, null, { padding: 1, groups: 2 });
    const joined = F.adaptiveAvgPool2d(F.avgPool2d(pooled.add(second), { kernelSize: 2 }), [1, 2]);
    const hidden = F.dropout(joined.flatten(1), 0.3);
    const logits = F.linear(hidden, w3, b3);
    const target = tensor([0, 1]);
    const signs = tensor([
      [0, 1],
      [1, 0],
    ]);
    return F.crossEntropy(logits, target, { labelSmoothing: 0.1 })
      .add(F.binaryCrossEntropyWithLogits(logits, signs, { posWeight: ones([2]) }))
      .add(F.mseLoss(logits.softmax(1), signs));
  };
  return { parameters, loss };
}

test('a training step leaves memory as it found it', async () => {
  const { parameters, loss } = makeNetwork();
  const before = inUse();
  for (let step = 0; step < 3; step++) {
    await tidy(async () => {
      const value = loss(true);
      assert.ok(Number.isFinite(await value.item()));
      value.backward();
    });
    for (const parameter of parameters) {
      assert.ok(parameter.grad, 'each parameter has a gradient');
      parameter.grad?.dispose();
      parameter.grad = null;
    }
    assert.equal(inUse(), before);
  }
});

test('a step adds the gradients and nothing else, and a second one nothing more', () => {
  const { parameters, loss } = makeNetwork();
  const before = inUse();
  for (let step = 0; step < 2; step++) {
    tidy(() => loss(true).backward());
    assert.equal(inUse().tensors, before.tensors + parameters.length);
    assert.equal(
      inUse().bytes,
      before.bytes + parameters.reduce((bytes, parameter) => bytes + 4 * parameter.size, 0),
    );
  }
});

test('evaluation and a forward pass without backward leave nothing behind', () => {
  const { loss } = makeNetwork();
  const before = inUse();
  tidy(() => void loss(false));
  tidy(() => void loss(true));
  assert.equal(inUse(), before);
});

test('a loss taken out of tidy keeps its graph, and gives it back by backward', () => {
  const { parameters, loss } = makeNetwork();
  const before = inUse();
  const value = tidy(() => loss(true));
  assert.ok(inUse().tensors > before.tensors + 1);
  value.backward();
  assert.equal(inUse().tensors, before.tensors + 1 + parameters.length);
  value.dispose();
  for (const { grad } of parameters) grad?.dispose();
  assert.equal(inUse(), before);
});

test('disposing the loss gives the graph back without backward', () => {
  const { loss } = makeNetwork();
  const before = inUse();
  const value = tidy(() => loss(true));
  value.dispose();
  assert.equal(inUse(), before);
});

test('tensors disposed while the graph is alive: their values and gradients remain', () => {
  const x = tensor([1, 2], undefined, { requiresGrad: true });
  const y = x.mul(x);
  const z = y.exp();
  const loss = z.sum();
  y.dispose();
  z.dispose();
  loss.backward();
  assert.equal(
    x.grad && [...x.grad.dataSync()].map((value) => value.toFixed(3)),
    [2 * Math.E, 4 * Math.exp(4)].map((value) => value.toFixed(3)),
  );
});

test('a leaf disposed before backward gets no gradient and leaves nothing behind', () => {
  const x = tensor([1, 2], undefined, { requiresGrad: true });
  const before = inUse();
  const loss = tidy(() => x.mul(tensor([3, 4]).setRequiresGrad()).sum());
  loss.backward();
  loss.dispose();
  assert.equal(x.grad && [...x.grad.dataSync()], [3, 4]);
  x.grad?.dispose();
  assert.equal(inUse(), before);
});

test('use after disposal is an error, disposal twice is not', () => {
  const x = ones([2, 3]);
  x.dispose();
  x.dispose();
  const message =
    'AutogradError: a tensor of shape [2, 3] was used after it was disposed: return it from tidy(), or keep() it';
  assert.ok(x.isDisposed);
  assert.is(
    errorOf(() => x.add(1)),
    message,
  );
  assert.is(
    errorOf(() => x.dataSync()),
    message,
  );
});

test('handles on one storage: it is freed with the last', () => {
  const x = ones([2, 3]);
  const y = x.reshape([3, 2]);
  const z = y.detach();
  assert.is(inUse().tensors, 1);
  x.dispose();
  y.dispose();
  assert.equal([...z.dataSync()], [1, 1, 1, 1, 1, 1]);
  z.dispose();
  assert.equal(inUse(), { tensors: 0, bytes: 0 });
});

test('using', () => {
  {
    using x = ones([4]);
    using y = x.add(1);
    assert.equal([...y.dataSync()], [2, 2, 2, 2]);
  }
  assert.equal(inUse(), { tensors: 0, bytes: 0 });
});

test('tidy keeps what it returns, at any depth', () => {
  const shared = ones([1]);
  const made = tidy(() => {
    ones([9]);
    return {
      list: [ones([1]), [ones([1]).add(1)]],
      map: new Map([['a', ones([1])]]),
      set: new Set([ones([1])]),
      none: Object.assign(Object.create(null), { x: ones([1]) }),
      old: shared,
      number: 3,
    };
  });
  assert.is(inUse().tensors, 6);
  assert.is(made.number, 3);
  assert.not(made.none.x.isDisposed);
});

test('nested tidies hand results outwards; keep takes a tensor out of all', () => {
  const kept: Tensor[] = [];
  const result = tidy(() => {
    const inner = tidy(() => {
      kept.push(keep(ones([1])));
      return ones([2]).add(1);
    });
    assert.is(inUse().tensors, 2);
    return inner.add(1);
  });
  assert.equal([...result.dataSync()], [3, 3]);
  assert.is(inUse().tensors, 2);
  kept[0].dispose();
  result.dispose();
  assert.equal(inUse(), { tensors: 0, bytes: 0 });
});

test('tidy that throws frees all, promised or not', async () => {
  const stop = (): never => {
    throw new Error('stop');
  };
  assert.throws(
    () =>
      tidy(() => {
        ones([1]);
        stop();
      }),
    'stop',
  );
  const rejected = await tidy(async () => {
    ones([1]);
    await Promise.resolve();
    ones([1]);
    stop();
  }).catch((error: Error) => error.message);
  assert.is(rejected, 'stop');
  assert.equal(inUse(), { tensors: 0, bytes: 0 });
});

test('tidy over a promise lasts until it settles', async () => {
  const result = await tidy(async () => {
    const x = ones([2]);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const y = x.add(1);
    await y.data();
    return { y: y.add(1) };
  });
  assert.is(inUse().tensors, 1);
  assert.equal([...result.y.dataSync()], [3, 3]);
});

test('asynchronous tidies that overlap are an error', async () => {
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const outcomes = await Promise.allSettled([tidy(() => wait(1)), tidy(() => wait(10))]);
  assert.is(outcomes[0].status, 'rejected');
  assert.match(
    String(outcomes[0].status === 'rejected' && outcomes[0].reason),
    'asynchronous scopes overlap',
  );
  assert.is(outcomes[1].status, 'fulfilled');
});

test('assign frees the old storage and counts as one tensor', () => {
  const x = ones([3]);
  x.assign(x.device.fill(3, 2));
  assert.equal(inUse(), { tensors: 1, bytes: 12 });
  assert.is(
    errorOf(() => x.assign(x.device.fill(2, 2))),
    'ShapeError: assign: [3] wants 3 values, the storage has 2',
  );
});

test('a storage has one owner', async () => {
  const x = ones([2]);
  const y = zeros([2]);
  const refused = /AutogradError: (assign|tensor): the storage belongs to another tensor; .* copy_\(\)/;
  assert.match(
    errorOf(() => x.assign(y.storage)),
    refused,
  );
  assert.match(
    errorOf(() => new Tensor({ device: x.device, storage: y.storage }, [2])),
    refused,
  );
  x.assign(x.storage);
  y.dispose();
  assert.equal([...x.dataSync()], [1, 1]);
  const before = inUse();
  assert.match(
    errorOf(() => new Tensor({ device: x.device, storage: x.device.fill(4, 1) }, [0.5, 8])),
    /ShapeError/,
  );
  assert.equal(inUse(), before);
});

test('a tensor that was lost and cannot be freed is reported, not thrown where nobody can catch it', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const device: Device = freshDevice();
  const reported: unknown[][] = [];
  const { error } = console;
  console.error = (...args: unknown[]) => void reported.push(args);
  try {
    (() => device.free(ones([2]).storage))();
    for (let round = 0; round < 50 && reported.length === 0; round++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      collect();
    }
  } finally {
    console.error = error;
  }
  assert.match(String(reported[0]), 'a tensor that was lost could not be freed');
});

test('copy_ writes the values of another tensor, in place', () => {
  const x = zeros([2, 3]);
  const view = x.reshape([6]);
  assert.is(x.copy_(tensor([1, 2, 3])), x);
  assert.equal([...view.dataSync()], [1, 2, 3, 1, 2, 3]);
  const source = ones([2, 3]);
  x.copy_(source);
  source.dispose();
  assert.equal([...x.dataSync()], [1, 1, 1, 1, 1, 1]);
  x.copy_(x);
  assert.equal([...x.dataSync()], [1, 1, 1, 1, 1, 1]);
  assert.is(
    errorOf(() => x.copy_(ones([2]))),
    'ShapeError: copy_: shapes [2, 3] and [2] do not broadcast: axis -1 has sizes 3 and 2',
  );
  assert.is(
    errorOf(() => tensor([1, 2, 3]).copy_(x)),
    'ShapeError: copy_: [2, 3] does not broadcast to [3]',
  );
});

test('copy_ keeps the books: parameters outside noGrad, saved tensors and memory', () => {
  const x = tensor([1, 2], [2], { requiresGrad: true });
  assert.match(
    errorOf(() => x.copy_(ones([2]))),
    /AutogradError: copy_: .* noGrad/,
  );
  const loss = x.mul(x).sum();
  const before = inUse();
  noGrad(() => x.copy_(tensor([3, 4]).keep()));
  assert.equal([...x.dataSync()], [3, 4]);
  assert.equal(inUse(), { tensors: before.tensors + 1, bytes: before.bytes + 8 });
  assert.match(
    errorOf(() => loss.backward()),
    /overwritten after the forward pass/,
  );
});

test('copy_ takes values from another device', () => {
  const there = tensor([5, 6]);
  freshDevice();
  const here = zeros([2, 2]);
  here.copy_(there);
  assert.equal([...here.dataSync()], [5, 6, 5, 6]);
  assert.equal(inUse(), { tensors: 1, bytes: 16 });
});

test('tensors may outlive their device', async () => {
  const device = freshDevice();
  const x = ones([2]);
  await device.dispose();
  x.dispose();
  assert.ok(x.isDisposed);
});

test('tensors and graphs that are lost are collected in the end', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const { parameters, loss } = makeNetwork();
  const before = inUse();
  const half = () => {
    loss(true);
    loss(true).backward();
  };
  half();
  assert.ok(inUse().tensors > before.tensors + 20);
  for (const parameter of parameters) {
    parameter.grad?.dispose();
    parameter.grad = null;
  }
  for (let round = 0; round < 10 && inUse().tensors > before.tensors; round++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
  }
  assert.equal(inUse(), before);
});

test.run();
