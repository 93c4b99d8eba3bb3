/** TensorFlow.js in Node: its `wasm` or `cpu` backend. */
import { createRequire } from 'node:module';
import { serve } from './serve.ts';
import type { Tf } from './tfjs-api.ts';
import { tfjs } from './tfjs-contestant.ts';

const backend = process.argv[2];
const require = createRequire(import.meta.url);
const tf: Tf = require('@tensorflow/tfjs');
if (backend === 'wasm') require('@tensorflow/tfjs-backend-wasm');
const how =
  backend === 'wasm' ? 'WebAssembly SIMD, 1 thread: it has no threads in Node' : 'plain JavaScript, 1 thread';
await serve(await tfjs(tf, backend, `${how}; Node ${process.versions.node}`));
