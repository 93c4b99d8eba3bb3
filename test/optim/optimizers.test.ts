import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { StateDictError } from '../../lib/errors.ts';
import { memory, nn, optim } from '../../lib/index.ts';
import { close } from '../support/close-to.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { backward, createOptimizer, flat, golden, parameters } from './golden.ts';

const TOLERANCE = { rtol: 2e-6, atol: 2e-7 };

test.before(() => setDevice(new ReferenceDevice()));

for (const { kind, options, values } of golden.optimizers) {
  test(`${kind} ${JSON.stringify(options)} steps as PyTorch's`, () => {
    const params = parameters();
    const optimizer = createOptimizer(kind, params, options);
    values.forEach((expected, step) => {
      optimizer.zeroGrad();
      backward(params);
      optimizer.step();
      close(`step ${step + 1}`, Float32Array.from(flat(params)), Float32Array.from(expected), TOLERANCE);
    });
  });
}

for (const { maxNorm, normType, norm, values } of golden.clips) {
  test(`clipGradNorm to ${maxNorm} of the ${normType}-norm is PyTorch's`, async () => {
    const params = parameters();
    backward(params);
    const tensors = memory().tensors;
    const total = nn.clipGradNorm(params, maxNorm, { normType: normType ?? Number.POSITIVE_INFINITY });
    assert.is(memory().tensors, tensors + 1);
    close('norm', await total?.data(), Float32Array.of(norm), TOLERANCE);
    const gradients = params.flatMap(({ grad }) => (grad ? [grad] : []));
    close('gradients', Float32Array.from(flat(gradients)), Float32Array.from(values), TOLERANCE);
  });
}

test('groups have options of their own, and parameters without a gradient stay', () => {
  const [first, second] = parameters();
  const optimizer = new optim.SGD([{ params: [first], lr: 0 }, { params: [second] }], { lr: 0.1 });
  backward([first, second]);
  optimizer.step();
  assert.equal(flat([first]), [...Float32Array.from(golden.start[0])]);
  assert.not.equal(flat([second]), [...Float32Array.from(golden.start[1])]);
  optimizer.zeroGrad();
  assert.is(second.grad, null);
  const before = flat([second]);
  optimizer.step();
  assert.equal(flat([second]), before);
});

for (const kind of ['SGD', 'Adam', 'AdamW'] as const) {
  test(`${kind} goes on from its state dict, bit for bit`, () => {
    const options = { lr: 0.05, weight_decay: 0.1, ...(kind === 'SGD' ? { momentum: 0.9 } : {}) };
    const straight = parameters();
    const one = createOptimizer(kind, straight, options);
    const walk = (optimizer: optim.Optimizer, params: typeof straight) => {
      optimizer.zeroGrad();
      backward(params);
      optimizer.step();
    };
    for (let i = 0; i < 3; i++) walk(one, straight);
    const resumed = straight.map((param) => new nn.Parameter(param.mul(1)));
    const two = createOptimizer(kind, resumed, { lr: 1 });
    const state = one.stateDict();
    two.loadStateDict({
      ...JSON.parse(JSON.stringify({ groups: state.groups, steps: state.steps })),
      tensors: state.tensors,
    });
    for (let i = 0; i < 3; i++) walk(one, straight);
    for (let i = 0; i < 3; i++) walk(two, resumed);
    assert.equal(flat(resumed), flat(straight));
  });
}

test('a state that does not fit changes nothing and is named', () => {
  const [first, second] = parameters();
  const optimizer = new optim.Adam([first, second]);
  const other = new optim.Adam([second, first]);
  backward([first, second]);
  other.step();
  assert.throws(
    () => optimizer.loadStateDict(other.stateDict()),
    (error: Error) =>
      error instanceof StateDictError && error.message.includes("'0.exp_avg' is [4], wants [2, 3]"),
  );
  assert.throws(
    () => new optim.Adam([first]).loadStateDict(other.stateDict()),
    /has groups of \[2\] parameters, this has \[1\]/,
  );
  assert.throws(
    () => new optim.SGD([second, first], { lr: 1 }).loadStateDict(other.stateDict() as never),
    /group 0 lacks momentum, dampening, nesterov/,
  );
  assert.is(optimizer.stateDict().tensors.size, 0);
});

test('wrong options are refused', () => {
  assert.throws(() => new optim.SGD(parameters(), { lr: -1 }), /lr must be 0 or more/);
  assert.throws(() => new optim.SGD(parameters(), { lr: 1, nesterov: true }), /nesterov wants momentum/);
  assert.throws(() => new optim.Adam(parameters(), { betas: [1, 0.9] }), /betas must be in/);
  assert.throws(() => new optim.SGD([], { lr: 1 }), /no parameters/);
  const [first] = parameters();
  assert.throws(() => new optim.SGD([first, first], { lr: 1 }), /twice/);
});

test('a step leaves no tensors behind, dispose frees the moments', () => {
  const params = parameters();
  const optimizer = new optim.Adam(params);
  const before = memory();
  backward(params);
  optimizer.step();
  optimizer.zeroGrad();
  const { tensors } = memory();
  assert.is(tensors, before.tensors + 4);
  backward(params);
  optimizer.step();
  optimizer.zeroGrad();
  assert.is(memory().tensors, tensors);
  optimizer.dispose();
  assert.equal(memory(), before);
});

test.run();
