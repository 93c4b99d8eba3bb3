import { testPrimitives } from './on-device.ts';

await testPrimitives('wasm', 60);
