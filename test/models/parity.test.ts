/**
 * ResNet-18, ResNet-50 and DenseNet-121 beside torchvision's, on the wasm device's variants; `PARITY_DEVICE=webasm` or
 * another name asks for that device instead.
 */
import type { DeviceName } from '../../lib/devices/device.ts';
import { openDevice } from '../../lib/devices/select.ts';
import { createWasmDevice } from '../../lib/devices/wasm/device.ts';
import { VARIANTS } from '../devices/wasm/variants.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { testParity } from './test-parity.ts';

const name = process.env.PARITY_DEVICE;
if (name === 'reference') testParity(() => new ReferenceDevice());
else if (name) testParity(() => openDevice(name as DeviceName));
else for (const variant of VARIANTS) testParity(() => createWasmDevice({ variant }));
