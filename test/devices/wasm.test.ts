import { createWasmDevice } from '../../lib/devices/wasm/device.ts';
import { testPrimitives } from './on-device.ts';
import { VARIANTS } from './wasm/variants.ts';

for (const variant of VARIANTS) {
  for (const threads of [1, 3]) testPrimitives(30, () => createWasmDevice({ threads, variant }));
}
