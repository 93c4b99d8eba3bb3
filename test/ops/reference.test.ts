import { ReferenceDevice } from '../support/reference/device.ts';
import { testOnDevice } from './on-device.ts';

testOnDevice('cpu', () => new ReferenceDevice());
