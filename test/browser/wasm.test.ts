import { testInChromium } from './on-device.ts';

await testInChromium('wasm');
