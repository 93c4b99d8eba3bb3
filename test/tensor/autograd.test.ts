import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AutogradError,
  enableGrad,
  F,
  isGradEnabled,
  noGrad,
  ones,
  type Tensor,
  tensor,
  tidy,
} from '../../lib/index.ts';
import { errorOf, freshDevice, inUse } from '../support/reference-device.ts';

const test = suite('autograd');
test.before.each(() => void freshDevice());

const leaf = (...values: number[]) => tensor(values, undefined, { requiresGrad: true });
const values = (x: Tensor | null) => x && [...x.dataSync()];

test('gradients accumulate from one backward to the next', () => {
  const x = leaf(1, 2);
  x.mul(3).sum().backward();
  assert.equal(values(x.grad), [3, 3]);
  x.mul(x).sum().backward();
  assert.equal(values(x.grad), [5, 7]);
});

test('an input used twice, by one op and by several', () => {
  const x = leaf(2, -3);
  x.mul(x).add(x).add(x.mul(4)).sum().backward();
  assert.equal(values(x.grad), [9, -1]);
});

test('a result used on two paths that meet again', () => {
  const x = leaf(2);
  const y = x.mul(3);
  y.mul(y).add(y.exp().mul(0)).sub(y).sum().backward();
  assert.equal(values(x.grad), [33]);
  assert.is(y.grad, null);
});

test('a leaf that is the root itself', () => {
  const x = leaf(5);
  x.backward();
  x.backward(tensor([2]));
  assert.equal(values(x.grad), [3]);
});

test('a gradient is passed to a root of several values', () => {
  const x = leaf(1, 2, 3);
  x.mul(x).backward(tensor([1, 0, -1]));
  assert.equal(values(x.grad), [2, 0, -6]);
});

test('leaves of one gradient do not share its storage', () => {
  const [a, b] = [leaf(1, 2), leaf(3, 4)];
  const upstream = ones([2]);
  a.add(b).backward(upstream);
  a.grad?.assign(a.device.fill(2, 7));
  assert.equal(values(a.grad), [7, 7]);
  assert.equal(values(b.grad), [1, 1]);
  assert.equal(values(upstream), [1, 1]);
});

test('a gradient that is a saved tensor survives a retained graph', () => {
  const [a, b] = [leaf(1, 2), leaf(3, 4)];
  const y = a.mul(b).sum();
  y.backward(undefined, { retainGraph: true });
  a.grad?.assign(a.device.fill(2, 0));
  y.backward();
  assert.equal(values(a.grad), [3, 4]);
  assert.equal(values(b.grad), [2, 4]);
});

test('noGrad records nothing, enableGrad inside it does, and errors restore the mode', () => {
  const x = leaf(1);
  assert.not(noGrad(() => x.mul(2)).requiresGrad);
  assert.ok(noGrad(() => enableGrad(() => x.mul(2))).requiresGrad);
  assert.throws(() =>
    noGrad(() => {
      throw new Error('stop');
    }),
  );
  assert.ok(isGradEnabled());
  assert.ok(x.mul(2).requiresGrad);
});

test('an asynchronous noGrad is refused: it would switch gradients off for others meanwhile', async () => {
  const x = leaf(1);
  const isRefused = (error: unknown) =>
    error instanceof AutogradError && /noGrad: its function returned a promise/.test(error.message);
  const wait = async () => {
    await Promise.resolve();
    return x.mul(2).requiresGrad;
  };
  assert.throws(() => noGrad(wait), isRefused);
  assert.ok(x.mul(2).requiresGrad, 'at once');
  assert.throws(() => noGrad(() => Promise.reject(new Error('stop'))), isRefused);
  assert.throws(() => enableGrad(wait), /enableGrad: its function returned a promise/);
  assert.ok(isGradEnabled());
  assert.ok(await wait());
});

test('detach cuts the graph and shares the values', () => {
  const x = leaf(3);
  const y = x.mul(2);
  const cut = y.detach();
  assert.not(cut.requiresGrad);
  assert.ok(cut.isLeaf);
  y.mul(cut).sum().backward();
  assert.equal(values(x.grad), [12]);
});

test('what no gradient is wanted for gets none', () => {
  const [x, constant] = [leaf(1, 2), tensor([3, 4])];
  x.mul(constant).sum().backward();
  assert.is(constant.grad, null);
});

test('requiresGrad changes on leaves only', () => {
  const x = tensor([1]).setRequiresGrad();
  const y = x.mul(2);
  assert.is(
    errorOf(() => y.setRequiresGrad(false)),
    'AutogradError: requiresGrad can only be changed on a leaf; use detach() first',
  );
  x.setRequiresGrad(false);
  assert.not(x.mul(2).requiresGrad);
});

test('backward twice is an error, unless the first retains the graph', () => {
  const x = leaf(2);
  const y = x.mul(x).sum();
  y.backward(undefined, { retainGraph: true });
  y.backward();
  assert.equal(values(x.grad), [8]);
  assert.is(
    errorOf(() => y.backward()),
    "AutogradError: backward: the graph below 'sum' was already freed by an earlier backward(); pass { retainGraph: true } to the first",
  );
});

test('a graph that two losses share', () => {
  const x = leaf(2);
  const shared = x.mul(x);
  const [first, second] = [shared.mul(3).sum(), shared.exp().mul(0).add(shared).sum()];
  first.backward(undefined, { retainGraph: true });
  second.backward();
  assert.equal(values(x.grad), [16]);
  assert.match(
    errorOf(() => first.backward()),
    "the graph below 'mul' was already freed",
  );
});

test('a loss that is no scalar, a gradient of another shape, and nothing to differentiate', () => {
  const x = leaf(1, 2);
  assert.is(
    errorOf(() => x.mul(2).backward()),
    'AutogradError: backward: a tensor of shape [2] is no scalar loss; reduce it, or pass its gradient',
  );
  assert.is(
    errorOf(() => x.mul(2).backward(ones([2, 1]))),
    'ShapeError: backward: the gradient has shape [2, 1], the tensor [2]',
  );
  assert.is(
    errorOf(() => tensor([1]).mul(2).backward()),
    'AutogradError: backward: the tensor does not depend on any tensor with requiresGrad',
  );
});

test('a tensor that was overwritten after the forward pass', () => {
  const [x, w] = [leaf(1, 2), leaf(3, 4)];
  const y = x.mul(w).sum();
  w.assign(w.device.fill(2, 0));
  assert.is(
    errorOf(() => y.backward()),
    "AutogradError: backward: a tensor of shape [2] that 'mul' needs was overwritten after the forward pass",
  );
  assert.is(x.grad, null);
});

test('overwriting what backward does not need is no error', () => {
  const [x, w] = [leaf(1, 2), leaf(3, 4)];
  const y = x.add(w).sum();
  w.assign(w.device.fill(2, 0));
  y.backward();
  assert.equal(values(x.grad), [1, 1]);
});

test('a chain of 20,000 ops, kept and disposed on the way', () => {
  for (const dispose of [false, true]) {
    const x = leaf(1, 2);
    const before = inUse();
    tidy(() => {
      let y: Tensor = x;
      for (let i = 0; i < 20_000; i++) {
        const next = i % 2 ? y.mul(-1) : y.add(0.5);
        if (dispose && y !== x) y.dispose();
        y = next;
      }
      y.sum().backward();
    });
    assert.equal(values(x.grad), [1, 1]);
    x.grad?.dispose();
    assert.equal(inUse(), before);
  }
});

test('a chain of 20,000 ops that nobody asks a gradient of is freed without recursion', () => {
  const x = leaf(1, 2);
  const before = inUse();
  let y: Tensor = x;
  for (let i = 0; i < 20_000; i++) {
    const next = y.mul(y);
    if (y !== x) y.dispose();
    y = next;
  }
  assert.ok(inUse().tensors > 20_000);
  y.dispose();
  assert.equal(inUse(), before);
});

test('20,000 uses of one leaf', () => {
  const x = leaf(1);
  let y: Tensor = x.mul(0);
  for (let i = 0; i < 20_000; i++) y = y.add(x);
  y.sum().backward();
  assert.equal(values(x.grad), [20_000]);
});

test('an op whose backward throws leaves no gradient and nothing behind', () => {
  const device = freshDevice();
  const [x, w] = [leaf(1, 2), leaf(3, 4)];
  const before = inUse();
  tidy(() => {
    const y = x.exp().mul(w).add(x).sum();
    device.unaryGrad = () => {
      throw new Error('broken kernel');
    };
    assert.throws(() => y.backward(), 'broken kernel');
  });
  assert.is(x.grad, null);
  assert.is(w.grad, null);
  assert.equal(inUse(), before);
});

test('a frozen weight and a constant input are neither saved nor differentiated', () => {
  const calls: string[] = [];
  const device = freshDevice();
  for (const name of ['conv2dInputGrad', 'conv2dWeightGrad', 'matmul'] as const) {
    const primitive = device[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(device, name, {
      value(...args: unknown[]) {
        calls.push(name);
        return primitive.apply(device, args);
      },
    });
  }

  const run = (wantsX: boolean, wantsW: boolean) => {
    calls.length = 0;
    const x = ones([1, 2, 4, 4], { requiresGrad: wantsX });
    const w = ones([3, 2, 3, 3], { requiresGrad: wantsW });
    const bias = ones([3], { requiresGrad: true });
    const y = F.conv2d(x, w, bias).sum();
    if (!wantsX) w.assign(w.device.fill(w.size, 1));
    if (!wantsW) x.assign(x.device.fill(x.size, 1));
    y.backward();
    assert.equal(values(bias.grad), [4, 4, 4]);
    return [...calls];
  };
  assert.equal(run(true, true), ['conv2dInputGrad', 'conv2dWeightGrad']);
  assert.equal(run(false, true), ['conv2dWeightGrad']);
  assert.equal(run(true, false), ['conv2dInputGrad']);
  assert.equal(run(false, false), []);

  const dense = (wantsX: boolean, wantsW: boolean) => {
    calls.length = 0;
    const x = ones([2, 3], { requiresGrad: wantsX });
    const w = ones([4, 3], { requiresGrad: wantsW });
    F.linear(x, w, ones([4], { requiresGrad: true }))
      .sum()
      .backward();
    return calls.length - 1;
  };
  assert.equal(
    [dense(true, true), dense(true, false), dense(false, true), dense(false, false)],
    [2, 1, 1, 0],
  );
});

test.run();
