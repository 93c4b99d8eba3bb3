import type { Target } from '../../../kernels/wasm/emit/kernel.ts';
import { microModule, type TileShape, tileShape } from '../../../kernels/wasm/gemm/micro-kernel.ts';
import { DeviceError } from '../../errors.ts';

/**
 * The instructions that kernels are made of: `simd` is WebAssembly 2.0, `relaxed` adds the fused multiply-add of
 * relaxed SIMD, and `revectorized` lets V8 fuse pairs of 128-bit operations into 256-bit ones.
 */
export type WasmVariant = 'simd' | 'relaxed' | 'revectorized';
const VARIANTS: readonly WasmVariant[] = ['revectorized', 'relaxed', 'simd'];

const DESCRIPTION: Record<WasmVariant, string> = {
  simd: '128-bit SIMD',
  relaxed: '128-bit relaxed SIMD with fused multiply-add',
  revectorized: '256-bit through the revectoriser, fused multiply-add',
};

export const describeVariant = (variant: WasmVariant): string => DESCRIPTION[variant];

export const targetOf = (variant: WasmVariant, shared: boolean): Target => ({
  fused: variant !== 'simd',
  wide: variant === 'revectorized',
  shared,
});

const NODE_MAJOR = typeof process === 'undefined' ? 0 : Number(process.versions?.node?.split('.')[0] ?? 0);

/**
 * The variant to use: `asked`, or that of the environment variable GRADIOGRAPH_WASM, or the fastest that this engine
 * has and whose sums agree with the plain one's; if they do not, a warning names it and the next one is tried.
 * @throws DeviceError when a variant that was asked for by name is not to be had.
 */
export async function chooseVariant(
  asked: WasmVariant | 'auto',
  memory: WebAssembly.Memory,
): Promise<WasmVariant> {
  const wish = asked === 'auto' ? fromEnvironment() : asked;
  if (wish !== 'auto') {
    const missing = await missingFor(wish);
    if (missing) throw new DeviceError(`wasm: variant '${wish}' needs ${missing}`);
    const error = await largestError(wish, memory);
    if (!(error < TOLERANCE))
      throw new DeviceError(`wasm: variant '${wish}' computes wrong sums here: error ${error}`);
    return wish;
  }
  for (const variant of VARIANTS) {
    if (await missingFor(variant)) continue;
    const error = await largestError(variant, memory);
    if (error < TOLERANCE) return variant;
    console.warn(
      `gradiograph: wasm variant '${variant}' computes wrong sums here (error ${error}): not used`,
    );
  }
  throw new DeviceError('wasm: this engine has no WebAssembly SIMD; Node >= 20 and current browsers have it');
}

function fromEnvironment(): WasmVariant | 'auto' {
  const name = typeof process === 'undefined' ? undefined : process.env?.GRADIOGRAPH_WASM;
  if (!name || name === 'auto') return 'auto';
  const variant = VARIANTS.find((known) => known === name);
  if (!variant) throw new DeviceError(`GRADIOGRAPH_WASM is '${name}', wants 'auto', ${VARIANTS.join(', ')}`);
  return variant;
}

/** What the engine lacks for a variant, or null; sets V8's flags where it is experimental. */
async function missingFor(variant: WasmVariant): Promise<string | null> {
  if (variant !== 'simd' && NODE_MAJOR > 0) {
    const { setFlagsFromString } = await import('../node.ts');
    if (NODE_MAJOR < 22) setFlagsFromString('--experimental-wasm-relaxed-simd');
    if (variant === 'revectorized') {
      if (NODE_MAJOR < 24) return `Node >= 24, this is ${process.versions.node}`;
      setFlagsFromString('--experimental-wasm-revectorize');
    }
  } else if (variant === 'revectorized') return "V8's revectoriser, which only Node can switch on";
  if (WebAssembly.validate(microModule(targetOf(variant, true)))) return null;
  return variant === 'simd' ? 'WebAssembly SIMD' : 'an engine with relaxed SIMD';
}

const TOLERANCE = 1e-4;
const DEPTH = 96;
/** Calls after which V8 has compiled a function with its optimising compiler, where the revectoriser works. */
const WARM_UP_CALLS = 3000;

interface MicroExports {
  tile(a: number, b: number, c: number, rowBytes: number, k: number, accumulate: number): void;
}

/** The largest difference between a variant's micro-kernel and the plain one, on random data in [-1, 1). */
async function largestError(variant: WasmVariant, memory: WebAssembly.Memory): Promise<number> {
  const shared = !(memory.buffer instanceof ArrayBuffer);
  const shape = tileShape(targetOf(variant, shared));
  const exportsOf = (name: WasmVariant): MicroExports => {
    const module = new WebAssembly.Module(microModule(targetOf(name, shared), shape));
    return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as MicroExports;
  };
  const base = 65536;
  const values = new Float32Array(memory.buffer, base, 16384);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  const at = (index: number) => base + index * 4;
  const run = ({ tile }: MicroExports, out: number) =>
    tile(at(0), at(4096), at(out), shape.columns * 4, DEPTH, 0);
  const fast = exportsOf(variant);
  if (variant !== 'simd') {
    for (let call = 0; call < WARM_UP_CALLS; call++) run(fast, 8192);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  run(fast, 8192);
  run(exportsOf('simd'), 10240);
  return maxDifference(values, shape);
}

function maxDifference(values: Float32Array, shape: TileShape): number {
  let largest = 0;
  for (let i = 0; i < shape.rows * shape.columns; i++) {
    const difference = Math.abs(values[8192 + i] - values[10240 + i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
