import { train } from './train.js';

train().then((result) => postMessage(result));
