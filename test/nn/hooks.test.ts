import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { memory, models, nn, noGrad, profile, randn, seed, Tensor, tensor, tidy } from '../../lib/index.ts';
import { close } from '../support/close-to.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

test.before.each(() => {
  setDevice(new ReferenceDevice());
  seed(0);
});

test('a hook sees module, inputs and output, may put another output in its place, and can be taken out', async () => {
  const relu = new nn.ReLU();
  const model = new nn.Sequential(relu, new nn.Flatten());
  const x = tensor([[-1, 2]]);
  const seen: unknown[] = [];
  const watching = relu.registerForwardHook((module, inputs, output) => {
    assert.instance(output, Tensor);
    seen.push(module, inputs[0]);
  });
  const doubling = relu.registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(2));
  assert.equal([...(await model.forward(x).data())], [0, 4]);
  assert.is(seen[0], relu);
  assert.is(seen[1], x);
  doubling.remove();
  assert.equal([...(await model.forward(x).data())], [0, 2]);
  watching.remove();
  assert.equal([...(await model.forward(x).data())], [0, 2]);
  assert.is(seen.length, 4);
});

const NETWORKS: Record<string, [make: () => nn.Module, input: number[]]> = {
  BasicBlock: [
    () =>
      new nn.Sequential(
        new nn.BasicBlock(2, 4, { downsample: nn.shortcut(2, 4, 1) }),
        new nn.BasicBlock(4, 4),
      ),
    [1, 2, 5, 5],
  ],
  Bottleneck: [
    () =>
      new nn.Sequential(
        new nn.Bottleneck(2, 1, { downsample: nn.shortcut(2, 4, 1) }),
        new nn.Bottleneck(4, 1),
      ),
    [1, 2, 5, 5],
  ],
  DenseNet: [() => new models.DenseNet(2, [2, 1, 2, 1], 4, { numClasses: 1, inChannels: 1 }), [1, 1, 32, 32]],
};

for (const [name, [make, input]] of Object.entries(NETWORKS)) {
  test(`every module of a network of ${name} can be hooked, and computes the same then`, async () => {
    const model = make().eval();
    const x = randn(input);
    const run = () => noGrad(() => model.forward(x));
    const expected = await run().data();
    const before = memory();
    for (const [path, module] of model.namedModules()) {
      let calls = 0;
      const hook = module.registerForwardHook(() => void calls++);
      const output = tidy(run);
      hook.remove();
      assert.ok(calls > 0, `${path} did not run on its own`);
      close(path, await output.data(), expected);
      output.dispose();
    }
    assert.equal(memory(), before);
  });
}

test('the output of a layer before a ReLU is that of the layer alone', async () => {
  const norm = new nn.BatchNorm2d(2).eval();
  const conv = new nn.Conv2d(2, 2, { kernelSize: 1 });
  const block = new nn.BasicBlock(2, 2).eval();
  const fused = nn.fuse(new nn.BasicBlock(2, 2));
  const x = randn([1, 2, 4, 4]);
  let least = 0;
  const watch = (_module: nn.AnyModule, _inputs: readonly unknown[], output: unknown) => {
    least = Math.min(...(output as Tensor).dataSync());
  };
  for (const [module, run] of [
    [norm, () => nn.chain([norm, new nn.ReLU()], x)],
    [block.bn1, () => block.forward(x)],
    [block.bn2, () => block.forward(x)],
    [conv, () => nn.chain([conv, new nn.ReLU()], x)],
    [fused.conv1, () => fused.forward(x)],
    [fused.bn1, () => fused.forward(x)],
    [fused.conv2, () => fused.forward(x)],
  ] as const) {
    least = 0;
    const hook = module.registerForwardHook(watch);
    run();
    hook.remove();
    assert.ok(least < 0, `the least value is ${least}`);
  }
});

test('a transition pools first, for fewer products, but not where a hook wants what lies between', () => {
  const transition = new nn.Transition(4, 2).eval();
  const x = randn([1, 4, 5, 5]);
  const convolutions = () =>
    profile(() => void noGrad(() => transition.forward(x)))
      .rows.map(({ op }) => op)
      .filter((op) => op.startsWith('conv2d'));
  assert.equal(convolutions(), ['conv2d 4x2x2 -> 2, 1x1']);
  for (const module of [transition.conv, transition.pool]) {
    const hook = module.registerForwardHook(() => {});
    assert.equal(convolutions(), ['conv2d 4x5x5 -> 2, 1x1']);
    hook.remove();
  }
});

test.run();
