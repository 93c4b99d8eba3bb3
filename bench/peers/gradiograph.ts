import { init } from '../../lib/index.ts';
import { ours } from './ours.ts';
import { serve } from './serve.ts';

const device = await init({ device: 'wasm', threads: Number(process.argv[2]) });
await serve(ours(device, `Node ${process.versions.node}`));
