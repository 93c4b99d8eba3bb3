import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { DeviceError, StateDictError } from '../../lib/errors.ts';
import { F, full, memory, nn, noGrad, ones, randn, seed, type Tensor, tidy, zeros } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

class Net extends nn.Module {
  readonly conv1 = new nn.Conv2d(2, 3, { kernelSize: 3, padding: 1 });
  readonly bn1 = new nn.BatchNorm2d(3);
  readonly heads = [new nn.Linear(3, 4), new nn.Linear(4, 1, { bias: false })];
  readonly scaleFactor = new nn.Parameter(ones([1]));
  readonly notes = 'no state';

  forward(x: Tensor): Tensor {
    const map = F.relu(this.bn1.forward(this.conv1.forward(x)));
    const pooled = F.adaptiveAvgPool2d(map, 1).flatten(1);
    return this.heads.reduce((h, head) => head.forward(h), pooled).mul(this.scaleFactor);
  }
}

const KEYS = [
  'scale_factor',
  'conv1.weight',
  'conv1.bias',
  'bn1.weight',
  'bn1.bias',
  'bn1.running_mean',
  'bn1.running_var',
  'bn1.num_batches_tracked',
  'heads.0.weight',
  'heads.0.bias',
  'heads.1.weight',
];

test.before.each(() => {
  setDevice(new ReferenceDevice());
  seed(0);
});

test('a module is called as a function, and is all that a module is', () => {
  const net = new Net();
  const x = randn([2, 2, 4, 4]);
  net.eval();
  assert.equal(net(x).dataSync(), net.forward(x).dataSync());
  assert.ok(net instanceof Net && net instanceof nn.Module);
  assert.is(net.constructor, Net);
  const called: unknown[] = [];
  net.registerForwardHook((module) => void called.push(module));
  net(x);
  assert.equal(called.length, 1);
  assert.is(called[0], net);

  class Named extends nn.Module<[x: Tensor, times: number]> {
    override readonly name = 'a field that functions have too';
    override readonly length = 7;
    forward(x: Tensor, times: number): Tensor {
      return x.mul(times);
    }
  }
  const named = new Named();
  assert.equal([...named(ones([2]), 3).dataSync()], [3, 3]);
  assert.equal([named.name, named.length], ['a field that functions have too', 7]);
  assert.is(new nn.Sequential(net, net, net).length, 3);
  // @ts-expect-error an argument that forward does not take
  assert.throws(() => net('x'));
});

test('console.log shows a module with its settings and what it holds', () => {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, 3, { padding: [1, 0] }),
    new nn.Sequential({ norm: new nn.BatchNorm2d(8), act: new nn.ReLU() }),
    new nn.Linear(8, 1),
  );
  const text = `Sequential(
  (0): Conv2d(inChannels=1, outChannels=8, kernelSize=3, stride=1, padding=[1, 0], dilation=1, groups=1, bias=true)
  (1): Sequential(
    (norm): BatchNorm2d(numFeatures=8, eps=0.00001, momentum=0.1)
    (act): ReLU()
  )
  (2): Linear(inFeatures=8, outFeatures=1)
)`;
  assert.is(inspect(model), text);
  assert.is(`${model}`, text);
});

test('parameters, buffers and modules are found by their properties, in their order', () => {
  const net = new Net();
  assert.equal([...net.stateDict().keys()], KEYS);
  assert.equal(
    [...net.namedParameters().keys()],
    KEYS.filter((key) => !/running|tracked/.test(key)),
  );
  assert.equal(
    [...net.namedBuffers().keys()],
    KEYS.filter((key) => /running|tracked/.test(key)),
  );
  assert.equal([...net.namedModules().keys()], ['', 'conv1', 'bn1', 'heads.0', 'heads.1']);
  assert.ok(net.parameters().every(({ requiresGrad }) => requiresGrad));
});

test('a shared module has one set of parameters and two sets of keys', () => {
  const shared = new nn.Linear(2, 2);
  const net = new nn.Sequential(shared, shared);
  assert.equal([...net.namedParameters().keys()], ['0.weight', '0.bias']);
  assert.equal([...net.stateDict().keys()], ['0.weight', '0.bias', '1.weight', '1.bias']);
});

test('train, eval and freeze reach every module', () => {
  const net = new nn.Sequential(new nn.Sequential(new nn.Dropout()), new nn.Linear(1, 1));
  net.eval();
  assert.ok([...net.namedModules().values()].every(({ training }) => !training));
  net.train();
  assert.ok([...net.namedModules().values()].every(({ training }) => training));
  net.freeze();
  assert.ok(net.parameters().every(({ requiresGrad }) => !requiresGrad));
  net.setRequiresGrad();
  assert.ok(net.parameters().every(({ requiresGrad }) => requiresGrad));
});

test('forward releases what it made but does not return', () => {
  const net = new Net();
  const x = randn([2, 2, 4, 4]);
  const { tensors } = memory();
  const y = noGrad(() => net.forward(x));
  assert.is(memory().tensors, tensors + 1);
  y.dispose();
  const loss = net.forward(x).sum();
  loss.backward();
  net.zeroGrad();
  loss.dispose();
  assert.is(memory().tensors, tensors + 1, 'only the output of forward is left');
});

test('a training step within tidy leaves memory as it was, and a disposed module leaves none', () => {
  const x = randn([2, 2, 4, 4]);
  const before = memory();
  const net = new Net();
  const built = memory();
  for (let step = 0; step < 3; step++) {
    tidy(() => net.forward(x).sum().backward());
    net.zeroGrad();
  }
  assert.equal(memory(), built);
  net.dispose();
  assert.equal(memory(), before);
});

test('parameters made inside a scope outlive it', () => {
  const net = tidy(() => new Net());
  assert.ok([...net.stateDict().values()].every(({ isDisposed }) => !isDisposed));
});

test('a state dict is copied, not shared', () => {
  const [a, b] = [new Net(), new Net()];
  assert.equal(b.loadStateDict(a.stateDict()), { missing: [], unexpected: [] });
  const [first, second] = [a.conv1.weight, b.conv1.weight];
  assert.equal(second.dataSync(), first.dataSync());
  nn.init.zeros(first);
  assert.not.equal(second.dataSync(), first.dataSync());
});

test('loadStateDict lists every fault and changes nothing', () => {
  const net = new Net();
  const before = net.conv1.bias?.dataSync();
  const state = new Map(net.stateDict());
  state.set('conv1.bias', full([3], 7));
  state.delete('bn1.weight');
  state.delete('heads.0.bias');
  state.set('extra.weight', zeros([1]));
  state.set('heads.1.weight', zeros([5, 4]));
  try {
    net.loadStateDict(state);
    assert.unreachable();
  } catch (error) {
    if (!(error instanceof StateDictError)) throw error;
    for (const part of [
      'missing (2)',
      'bn1.weight',
      'heads.0.bias',
      'unexpected (1)',
      'extra.weight',
      'heads.1.weight is [5, 4], wants [1, 4]',
    ]) {
      assert.match(error.message, part);
    }
  }
  assert.equal(net.conv1.bias?.dataSync(), before);

  assert.throws(() => net.loadStateDict(state, { strict: false }), /heads\.1\.weight is \[5, 4\]/);
  state.delete('heads.1.weight');
  assert.equal(net.loadStateDict(state, { strict: false }), {
    missing: ['bn1.weight', 'heads.0.bias', 'heads.1.weight'],
    unexpected: ['extra.weight'],
  });
  assert.equal([...(net.conv1.bias?.dataSync() ?? [])], [7, 7, 7]);
});

test('a thousand names of a state dict that fits nothing do not fill the screen', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `${'n'.repeat(1000)}${i}`);
  assert.throws(
    () => new Net().loadStateDict(new Map(names.map((name) => [name, zeros([1])]))),
    (error: Error) =>
      error instanceof StateDictError &&
      /unexpected \(1000\):\n {4}'n{100}'\.\.\. \(1001 characters\)\n/.test(error.message) &&
      error.message.includes('and 900 more') &&
      error.message.length < 20_000,
  );
});

test('loadStateDict changes nothing where a value cannot be read', () => {
  const net = new Net();
  const before = [...net.stateDict().values()].map((value) => value.dataSync());
  const own = memory();
  const other = new ReferenceDevice();
  setDevice(other);
  const source = new Net();
  let reads = 0;
  const readSync = other.readSync.bind(other);
  other.readSync = (x) => {
    if (++reads === 4) throw new DeviceError('no synchronous read');
    return readSync(x);
  };
  assert.throws(() => net.loadStateDict(source.stateDict()), /no synchronous read/);
  assert.equal(
    [...net.stateDict().values()].map((value) => value.dataSync()),
    before,
  );
  setDevice(net.conv1.weight.device);
  assert.equal(memory(), own, 'the copies made so far are freed');
  net.loadStateDict(source.stateDict());
  assert.equal(net.conv1.weight.dataSync(), source.conv1.weight.dataSync());
});

test('num_batches_tracked may be missing', () => {
  const net = new Net();
  const state = new Map(net.stateDict());
  state.delete('bn1.num_batches_tracked');
  assert.equal(net.loadStateDict(state).missing, []);
});

test('a Sequential is addressed by place and by name, and a layer can be exchanged', () => {
  const relu = new nn.ReLU();
  const numbered = new nn.Sequential(new nn.Linear(2, 3), relu);
  assert.is(numbered.get(1), relu);
  assert.is(numbered.get(-1), relu);
  assert.is(numbered.length, 2);
  assert.throws(() => numbered.get(2), /no layer 2, there are 0, 1/);
  const named = new nn.Sequential({ fc: new nn.Linear(2, 3), act: relu });
  assert.is(named.get('act'), relu);
  named.set('fc', new nn.Linear(2, 5));
  assert.equal(named.forward(ones([1, 2])).shape, [1, 5]);
  assert.equal(new nn.Sequential().forward(ones([2])).shape, [2]);
});

test.run();
