import { testNamedPrimitives } from './on-device.ts';

await testNamedPrimitives('webgpu', 10);
