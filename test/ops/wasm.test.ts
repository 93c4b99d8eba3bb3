import { createWasmDevice } from '../../lib/devices/wasm.ts';
import { VARIANTS } from '../kernels/wasm/variants.ts';
import { testOnDevice } from './on-device.ts';

for (const variant of VARIANTS) {
  for (const threads of [1, 2, 3]) testOnDevice('wasm', () => createWasmDevice({ threads, variant }));
}
