import { testNamedPrimitives } from './on-device.ts';

await testNamedPrimitives('webasm', 30);
