import { testNamedDevice } from './on-device.ts';

await testNamedDevice('webasm');
