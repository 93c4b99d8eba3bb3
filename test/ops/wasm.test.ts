import { createWasmDevice } from '../../lib/devices/wasm/device.ts';
import { VARIANTS } from '../devices/wasm/variants.ts';
import { testOnDevice } from './on-device.ts';

for (const variant of VARIANTS) {
  for (const threads of [1, 2, 3]) testOnDevice('wasm', () => createWasmDevice({ threads, variant }));
}
