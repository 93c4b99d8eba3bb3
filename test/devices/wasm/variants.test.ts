/** How the device chooses its instructions, and what it says of them. */
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { host, nodeMajor } from '../../../lib/devices/host.ts';
import { setDevice } from '../../../lib/devices/select.ts';
import { createWasmDevice, type WasmOptions } from '../../../lib/devices/wasm/device.ts';
import type { WasmVariant } from '../../../lib/devices/wasm/variant.ts';
import { DeviceError } from '../../../lib/errors.ts';
import { F, Generator, randn, seed, type Tensor, tidy } from '../../../lib/index.ts';
import { resultsOn } from '../../primitives/check.ts';
import { RANDOM_CASES } from '../../primitives/random/cases.ts';
import { VARIANTS } from './variants.ts';

/** The 256-bit form was timed, and taken or left. */
const WIDE = /^wasm: 256-bit .*, fused multiply-add \((1\.[1-9]|[2-9]\.\d) times as fast as 128-bit\), /;
const UNSEEN = /^wasm: 128-bit .* fused multiply-add \(256-bit is not seen to act: [01]\.\d times as fast/;

async function describe(options: WasmOptions, environment?: string): Promise<string> {
  const before = process.env.GRADIOGRAPH_WASM;
  if (environment === undefined) delete process.env.GRADIOGRAPH_WASM;
  else process.env.GRADIOGRAPH_WASM = environment;
  try {
    const device = await createWasmDevice(options);
    await device.dispose();
    return device.description;
  } finally {
    if (before === undefined) delete process.env.GRADIOGRAPH_WASM;
    else process.env.GRADIOGRAPH_WASM = before;
  }
}

async function refusal(options: WasmOptions, environment?: string): Promise<string> {
  try {
    await describe(options, environment);
  } catch (error) {
    assert.instance(error, DeviceError);
    return (error as DeviceError).message;
  }
  throw new Error('no error');
}

test('auto takes only what is seen to act, and the description is one line that says so', async () => {
  const description = await describe({ threads: 2 });
  assert.match(description, /^wasm: .*, 2 threads$/);
  const seen = {
    bun: [/^wasm: 128-bit SIMD \(fused multiply-add is not seen to act\), /],
    deno: [UNSEEN, WIDE],
    node: nodeMajor < 24 ? [/^wasm: 128-bit relaxed SIMD with fused multiply-add, /] : [UNSEEN, WIDE],
    browser: [],
  }[host];
  assert.ok(
    seen.some((pattern) => pattern.test(description)),
    description,
  );
});

test('what is asked for by name is taken untimed', async () => {
  assert.match(await describe({ threads: 1, variant: 'simd' }), /^wasm: 128-bit SIMD, 1 thread$/);
  for (const variant of VARIANTS) assert.not.match(await describe({ threads: 1, variant }), 'times as fast');
});

test('GRADIOGRAPH_WASM decides where the program asks for none', async () => {
  const plain = await describe({ threads: 1, variant: 'simd' });
  assert.is(await describe({ threads: 1 }, 'simd'), plain);
  assert.is(await describe({ threads: 1, variant: 'auto' }, 'simd'), plain);
  for (const variant of VARIANTS.slice(1)) {
    assert.is.not(await describe({ threads: 1, variant }, 'simd'), plain);
  }
});

test('what is not to be had is an error that says why', async () => {
  assert.match(
    await refusal({ threads: 1 }, 'fast'),
    "GRADIOGRAPH_WASM is 'fast', wants 'auto', revectorized",
  );
  if (!VARIANTS.includes('revectorized')) {
    assert.match(await refusal({ threads: 1, variant: 'revectorized' }), "'revectorized' needs");
    assert.match(await refusal({ threads: 1, variant: 'revectorized' }), 'Node >= 24');
  }
  if (!VARIANTS.includes('relaxed')) {
    assert.match(await refusal({ threads: 1, variant: 'relaxed' }), "'relaxed' needs fused multiply-add");
  }
});

/** The bits of random calls of every primitive, and of weight gradients that are cut into partitions. */
async function bitsOf(variant: WasmVariant, threads: number): Promise<Map<string, string>> {
  const bits = new Map<string, string>();
  const keep = (name: string, data: Float32Array) => {
    bits.set(name, createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex'));
  };
  const device = await createWasmDevice({ threads, variant });
  setDevice(device);
  for (const one of RANDOM_CASES) {
    for (let round = 0; round < 5; round++) {
      const where = `${one.name}, seed ${round}`;
      const results = await resultsOn(device, one, new Generator(round), where);
      for (const [i, data] of results.entries()) if (data) keep(`${where}, result ${i}`, data);
    }
  }
  for (const [channels, outChannels, size, batch] of [
    [64, 64, 28, 8],
    [128, 128, 28, 16],
    [256, 128, 14, 32],
    [256, 256, 14, 16],
  ]) {
    seed(3);
    await tidy(async () => {
      const x = randn([batch, channels, size, size]);
      const weight = randn([outChannels, channels, 3, 3], { requiresGrad: true });
      F.conv2d(x, weight, null, { padding: 1 }).square().sum().backward();
      keep(`weight gradient, ${x.shape} and ${weight.shape}`, await (weight.grad as Tensor).data());
    });
  }
  setDevice(null);
  await device.dispose();
  return bits;
}

// A clock chooses between these two: a run must give the same bits when it is repeated or resumed.
if (VARIANTS.includes('revectorized')) {
  for (const threads of [1, 2, 4]) {
    test(`the fused variants agree to the bit, ${threads} threads`, async () => {
      const expected = await bitsOf('relaxed', threads);
      assert.equal(await bitsOf('revectorized', threads), expected);
    });
  }
}

test.run();
