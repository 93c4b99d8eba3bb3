/** The vectorised functions against float64, over the whole range of float32. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { UnaryOp } from '../../../../lib/devices/device.ts';
import { createWasmDevice } from '../../../../lib/devices/wasm/device.ts';
import { VARIANTS } from '../../../devices/wasm/variants.ts';
import { UNARY } from '../../../support/reference/elementwise.ts';

/** Points in [low, high], denser near zero. */
function points(low: number, high: number): Float32Array {
  const even = Array.from({ length: 20001 }, (_, i) => low + ((high - low) * i) / 20000);
  const tiny = Array.from({ length: 150 }, (_, i) => 2 ** -i).filter((x) => x <= high);
  return Float32Array.from([...even, ...tiny, ...tiny.map((x) => -x).filter((x) => x >= low)]);
}

/** The largest relative error that is allowed, where the result is a normal number. */
const BOUNDS: readonly [op: UnaryOp, low: number, high: number, bound: number][] = [
  ['exp', -87, 88.7, 2e-7],
  ['log', 0, 1e3, 2e-7],
  ['log', 0, 3e38, 2e-7],
  ['tanh', -10, 10, 3e-7],
  ['sigmoid', -80, 30, 3e-7],
  ['softplus', -80, 80, 4e-7],
];

for (const variant of VARIANTS) {
  test(`${variant}: errors of exp, log, tanh, sigmoid and softplus`, async () => {
    const device = await createWasmDevice({ threads: 1, variant });
    for (const [op, low, high, bound] of BOUNDS) {
      const xs = points(low, high);
      const ys = device.readSync(device.unary(op, device.upload(xs), 0));
      let worst = 0;
      let at = 0;
      xs.forEach((x, i) => {
        const exact = UNARY[op](x, 0);
        if (Math.abs(exact) < 2 ** -126 || !Number.isFinite(exact)) return;
        const error = Math.abs(ys[i] - exact) / Math.abs(exact);
        if (!(error <= worst)) [worst, at] = [error, x];
      });
      assert.ok(worst <= bound, `${op} on [${low}, ${high}]: error ${worst} at ${at}`);
    }
    await device.dispose();
  });

  test(`${variant}: limits`, async () => {
    const device = await createWasmDevice({ threads: 1, variant });
    const at = (op: UnaryOp, ...xs: number[]) => [
      ...device.readSync(device.unary(op, device.upload(Float32Array.from(xs)), 0)),
    ];
    assert.equal(at('exp', 0, 89, -110, Infinity, -Infinity, NaN), [1, Infinity, 0, Infinity, 0, NaN]);
    assert.equal(at('log', 1, 0, -1, Infinity, NaN), [0, -Infinity, NaN, Infinity, NaN]);
    assert.equal(at('tanh', 0, 20, -20, Infinity, -Infinity, NaN), [0, 1, -1, 1, -1, NaN]);
    assert.equal(at('sigmoid', 0, 200, -200, NaN), [0.5, 1, 0, NaN]);
    assert.equal(at('softplus', -200, 200, Infinity, NaN), [0, 200, Infinity, NaN]);
    assert.equal(at('relu', NaN, -1, 2), [NaN, 0, 2]);
    await device.dispose();
  });
}

test.run();
