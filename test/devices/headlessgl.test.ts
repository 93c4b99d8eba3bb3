import { testPrimitives } from './on-device.ts';

await testPrimitives('headlessgl', 6);
