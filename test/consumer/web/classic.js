import { train } from './train.js';

globalThis.inPage = train();
