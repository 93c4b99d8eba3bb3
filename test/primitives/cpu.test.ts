import { testNamedPrimitives } from './on-device.ts';

await testNamedPrimitives('cpu', 30);
