/** How the device chooses its instructions, and what it says of them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createWasmDevice, type WasmOptions } from '../../../lib/devices/wasm/device.ts';
import { DeviceError } from '../../../lib/errors.ts';
import { VARIANTS } from './variants.ts';

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

test('auto takes the fastest variant, and the description is one line', async () => {
  const fastest = await describe({ threads: 2, variant: VARIANTS[VARIANTS.length - 1] });
  assert.is(await describe({ threads: 2 }), fastest);
  assert.match(fastest, /^wasm: .*, 2 threads$/);
  assert.match(await describe({ threads: 1, variant: 'simd' }), /^wasm: 128-bit SIMD, 1 thread$/);
});

test('GRADIOGRAPH_WASM decides where the program asks for none', async () => {
  const plain = await describe({ threads: 1, variant: 'simd' });
  assert.is(await describe({ threads: 1 }, 'simd'), plain);
  assert.is(await describe({ threads: 1, variant: 'auto' }, 'simd'), plain);
  assert.is.not(await describe({ threads: 1, variant: 'relaxed' }, 'simd'), plain);
});

test('what is not to be had is an error that says why', async () => {
  assert.match(
    await refusal({ threads: 1 }, 'fast'),
    "GRADIOGRAPH_WASM is 'fast', wants 'auto', revectorized",
  );
  if (!VARIANTS.includes('revectorized')) {
    assert.match(await refusal({ threads: 1, variant: 'revectorized' }), 'Node >= 24, this is ');
  }
});

test.run();
