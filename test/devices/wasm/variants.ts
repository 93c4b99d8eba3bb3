import type { WasmVariant } from '../../../lib/devices/wasm/variant.ts';

/** The variants that this Node has. */
export const VARIANTS: readonly WasmVariant[] =
  Number(process.versions.node.split('.')[0]) < 24
    ? ['simd', 'relaxed']
    : ['simd', 'relaxed', 'revectorized'];
