import { testPrimitives } from './on-device.ts';

await testPrimitives('webgpu', 10);
