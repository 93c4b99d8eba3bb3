import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeviceError, ones, tensor, zeros } from '../../lib/index.ts';
import { freshDevice } from '../support/reference-device.ts';

test.before.each(() => void freshDevice());

/** What record_print.py recorded. */
interface Case {
  shape: number[];
  values?: (number | string | null)[];
  ramp?: number;
  text: string;
}
const CASES: Case[] = JSON.parse(readFileSync(new URL('../golden/print.json', import.meta.url), 'utf8'));

const NUMBERS: Record<string, number> = { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY };

for (const { shape, values, ramp = 1, text } of CASES) {
  test(`prints as PyTorch does: ${shape} ${JSON.stringify(values?.slice(0, 4)) ?? `i / ${ramp}`}`, () => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, i) => {
      const value = values ? values[i] : i / ramp;
      return typeof value === 'string' ? NUMBERS[value] : (value ?? Number.NaN);
    });
    assert.is(String(tensor(data, shape)).replace(/,\s+shape=.*\)$/s, ')'), text);
  });
}

test('console.log and template strings show values, shape, device, and how the tensor stands to gradients', () => {
  const x = ones(2, 2, { requiresGrad: true });
  const text = "tensor([[1., 1.],\n        [1., 1.]], shape=[2, 2], device='cpu', requiresGrad=true)";
  assert.is(inspect(x), text);
  assert.is(`${x}`, text);
  assert.is(inspect({ x }), `{\n  x: ${text.replace('\n', '\n  ')}\n}`);
  assert.match(inspect(x.mul(2)), "shape=[2, 2], device='cpu', gradFn='mul')");
  assert.match(
    `${tensor(Float32Array.from({ length: 9 }, (_, i) => i / 3))}`,
    ",\n       shape=[9], device='cpu')",
  );
});

test('where values cannot be had, the text says why and how, and does not throw', () => {
  const device = freshDevice();
  const [x, y] = [zeros(2, 3), zeros(1)];
  y.dispose();
  device.readSync = () => {
    throw new DeviceError('no synchronous read: await data()');
  };
  assert.is(`${x}`, "tensor(<no synchronous read: await data()>, shape=[2, 3], device='cpu')");
  assert.is(`${y}`, 'tensor(<disposed>, shape=[1])');
});

test.run();
