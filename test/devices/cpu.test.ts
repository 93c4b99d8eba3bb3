import { testPrimitives } from './on-device.ts';

await testPrimitives('cpu', 30);
