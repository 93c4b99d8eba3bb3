import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { profile } from '../../lib/devices/profile.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { F, randn, tidy } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

test.before.each(() => setDevice(new ReferenceDevice()));

const step = () =>
  tidy(() => {
    const x = randn([2, 3, 8, 8]);
    const weight = randn([4, 3, 3, 3], { requiresGrad: true });
    F.relu(F.conv2d(x, weight, null, { padding: 1 }))
      .sum()
      .backward();
  });

test('rows hold calls, arithmetic and bytes of each primitive', () => {
  const { rows, milliseconds } = profile(() => {
    step();
    step();
  });
  const conv = rows.find(({ op }) => op === 'conv2d 3x8x8 -> 4, 3x3');
  assert.is(conv?.calls, 2);
  assert.is(conv?.flops, 2 * 2 * 2 * 4 * 8 * 8 * 3 * 9);
  assert.is(conv?.bytes, 2 * 4 * (2 * 3 * 64 + 4 * 27 + 2 * 4 * 64));
  assert.ok(rows.some(({ op }) => op.startsWith('conv2dWeightGrad')));
  assert.not(rows.some(({ op }) => op.startsWith('conv2dInputGrad')));
  assert.ok(milliseconds >= rows.reduce((sum, row) => sum + row.milliseconds, 0));
});

test('the table names the columns and adds up', () => {
  const text = profile(step).toString();
  for (const word of ['op', 'calls', 'ms', 'GFLOPS', 'GB/s', 'between ops', 'total']) {
    assert.ok(text.includes(word), word);
  }
});

test('the device is as before afterwards, also when the step throws or rejects', async () => {
  const device = new ReferenceDevice();
  setDevice(device);
  profile(step);
  const stop = new Error('stop');
  assert.throws(() =>
    profile(() => {
      throw stop;
    }),
  );
  assert.is(await profile(() => Promise.reject(stop)).catch((error: unknown) => error), stop);
  assert.equal(
    Object.keys(Object.getOwnPropertyDescriptors(device)).filter((name) => name === 'conv2d'),
    [],
  );
});

test.run();
