/** A loop that leaves tensors behind is noticed, and says so once. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { memory, nn, optim, randn, type Tensor, tidy } from '../../lib/index.ts';
import { freshDevice } from '../support/reference-device.ts';

const warnings: string[] = [];
const { warn } = console;
test.before.each(() => {
  freshDevice();
  warnings.length = 0;
  console.warn = (message: string) => warnings.push(message);
});
test.after.each(() => {
  console.warn = warn;
});

/** A step of training as a newcomer writes it; returns the loss. */
function trainer(): () => Tensor {
  const model = new nn.Linear(4, 1);
  const optimizer = new optim.Adam(model.parameters());
  const [x, y] = [randn(8, 4), randn(8, 1)];
  return () => {
    const loss = model(x).sub(y).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
}

test('a loop within tidy does not grow, nor does one that keeps its last results', async () => {
  const step = trainer();
  const last: Tensor[] = [];
  for (let i = 0; i < 200; i++) {
    last.push(tidy(step));
    if (last.length > 10) last.shift()?.dispose();
    await last.at(-1)?.item();
  }
  assert.is(memory().growth, null);
  assert.equal(warnings, []);
});

test('a plain loop warns once, says how much it left and since when, and points to tidy', () => {
  const start = new Date();
  const step = trainer();
  const before = memory().tensors;
  const count = 300;
  for (let i = 0; i < count; i++) step();
  assert.is(warnings.length, 1);
  assert.match(
    warnings[0],
    /the tensors on 'cpu' grow: \d+ more than at .*tidy\(\(\) => \.\.\.\).*dispose\(\).*memory\(\)/,
  );
  const { growth, tensors } = memory();
  assert.ok(growth && growth.since >= start && growth.since <= new Date());
  assert.ok(
    growth.tensors > 3 * count && growth.tensors <= tensors - before,
    `${growth.tensors} of ${tensors}`,
  );
});

test('a loop that looks at results without training is noticed in memory() too, until they are given back', async () => {
  const model = new nn.Linear(4, 1);
  const x = randn(1, 4);
  const outputs: Tensor[] = [];
  for (let i = 0; i < 100; i++) {
    outputs.push(model(x));
    await outputs[i].data();
  }
  assert.is(memory().growth?.tensors, 99);
  assert.equal(warnings, [], 'a program is warned once');
  for (const output of outputs.splice(1)) output.dispose();
  await outputs[0].data();
  assert.is(memory().growth, null);
});

test.run();
