import { testPrimitives } from './on-device.ts';

await testPrimitives('webasm', 30);
