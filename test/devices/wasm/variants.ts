import { host, nodeMajor } from '../../../lib/devices/host.ts';
import type { WasmVariant } from '../../../lib/devices/wasm/variant.ts';

const all: readonly WasmVariant[] = ['simd', 'relaxed', 'revectorized'];

/** The variants that this engine has: Bun's relaxed SIMD does not fuse, and V8's revectoriser is Node 24's and Deno's. */
export const VARIANTS = all.slice(0, host === 'bun' ? 1 : host === 'node' && nodeMajor < 24 ? 2 : 3);
