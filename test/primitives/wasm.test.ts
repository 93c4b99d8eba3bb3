import { createWasmDevice } from '../../lib/devices/wasm/device.ts';
import { VARIANTS } from '../devices/wasm/variants.ts';
import { testPrimitives } from './on-device.ts';

for (const variant of VARIANTS) {
  for (const threads of [1, 3]) testPrimitives(30, () => createWasmDevice({ threads, variant }));
}
