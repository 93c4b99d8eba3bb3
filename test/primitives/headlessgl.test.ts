import { testNamedPrimitives } from './on-device.ts';

await testNamedPrimitives('headlessgl', 6);
