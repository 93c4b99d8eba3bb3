import type { Target } from '../../../kernels/wasm/emit/kernel.ts';
import { microModule, type TileShape } from '../../../kernels/wasm/gemm/micro-kernel.ts';
import { DeviceError } from '../../errors.ts';
import { host, nodeMajor } from '../host.ts';
import { Trial } from './trial.ts';

/**
 * The instructions that kernels are made of: `simd` is WebAssembly 2.0, `relaxed` adds the fused multiply-add of
 * relaxed SIMD, and `revectorized` lets V8 fuse pairs of 128-bit operations into 256-bit ones.
 */
export type WasmVariant = 'simd' | 'relaxed' | 'revectorized';
const VARIANTS: readonly WasmVariant[] = ['revectorized', 'relaxed', 'simd'];

/** A variant, and what is to be said of it. */
export interface ChosenVariant {
  readonly variant: WasmVariant;
  readonly description: string;
}

const DESCRIPTION: Record<WasmVariant, string> = {
  simd: '128-bit SIMD',
  relaxed: '128-bit relaxed SIMD with fused multiply-add',
  revectorized: '256-bit through the revectoriser, fused multiply-add',
};

export const targetOf = (variant: WasmVariant, shared: boolean): Target => ({
  fused: variant !== 'simd',
  wide: variant === 'revectorized',
  shared,
});

const TOLERANCE = 1e-4;
/** How many times as fast the 256-bit form is at least where it acts: 1.3 and more were measured, and 0.7 to 1 where not. */
const LEAST_GAIN = 1.1;

/**
 * The variant to use: `asked`, or that of the environment variable GRADIOGRAPH_WASM, or the fastest that is seen to act.
 *
 * The multiply-add is seen to fuse in a sum that only one rounding gets right, so that bits never hang on a clock.
 * The 256-bit form shows in nothing but its speed, so it is timed against the 128-bit one, and the faster is taken:
 * the bits of both are the same, on any number of threads, whichever a noisy machine prefers. A variant whose sums
 * disagree with the plain one's is passed over with a warning. What is asked for by name is not timed.
 * @throws DeviceError when a variant that was asked for by name is not to be had.
 */
export async function chooseVariant(
  asked: WasmVariant | 'auto',
  memory: WebAssembly.Memory,
): Promise<ChosenVariant> {
  const wish = asked === 'auto' ? fromEnvironment() : asked;
  return wish === 'auto' ? chooseFastest(memory) : chooseNamed(wish, memory);
}

function fromEnvironment(): WasmVariant | 'auto' {
  const name = typeof process === 'undefined' ? undefined : process.env?.GRADIOGRAPH_WASM;
  if (!name || name === 'auto') return 'auto';
  const variant = VARIANTS.find((known) => known === name);
  if (!variant) throw new DeviceError(`GRADIOGRAPH_WASM is '${name}', wants 'auto', ${VARIANTS.join(', ')}`);
  return variant;
}

const isShared = (memory: WebAssembly.Memory) => !(memory.buffer instanceof ArrayBuffer);

const trialOf = (variant: WasmVariant, memory: WebAssembly.Memory, shape?: TileShape) =>
  new Trial(targetOf(variant, isShared(memory)), memory, shape);

async function chooseNamed(variant: WasmVariant, memory: WebAssembly.Memory): Promise<ChosenVariant> {
  const missing = await missingFor(variant, memory);
  if (missing) throw new DeviceError(`wasm: variant '${variant}' needs ${missing}`);
  const trial = trialOf(variant, memory);
  if (variant !== 'simd') await trial.warmUp();
  const error = errorOf(trial, memory);
  if (!(error < TOLERANCE))
    throw new DeviceError(`wasm: variant '${variant}' computes wrong sums here: error ${error}`);
  return { variant, description: describe(variant, variant === 'revectorized' ? 'as asked for' : '') };
}

async function chooseFastest(memory: WebAssembly.Memory): Promise<ChosenVariant> {
  let seen = '';
  for (const variant of VARIANTS) {
    if (await missingFor(variant, memory)) {
      if (variant === 'relaxed') seen = 'fused multiply-add is not seen to act';
      continue;
    }
    const trial = trialOf(variant, memory);
    if (variant === 'revectorized') {
      const speed = await trial.speedOver(trialOf('relaxed', memory), LEAST_GAIN);
      seen = `${speed.toFixed(1)} times as fast as 128-bit`;
      if (speed < LEAST_GAIN) {
        seen = `256-bit is not seen to act: ${seen}`;
        continue;
      }
    } else if (variant === 'relaxed') await trial.warmUp();
    const error = errorOf(trial, memory);
    if (error < TOLERANCE) return { variant, description: describe(variant, seen) };
    console.warn(
      `gradiograph: wasm variant '${variant}' computes wrong sums here (error ${error}): not used`,
    );
    seen = '';
  }
  throw new DeviceError('wasm: this engine has no WebAssembly SIMD; Node >= 20 and current browsers have it');
}

const describe = (variant: WasmVariant, seen: string): string =>
  seen ? `${DESCRIPTION[variant]} (${seen})` : DESCRIPTION[variant];

const errorOf = (trial: Trial, memory: WebAssembly.Memory): number =>
  trial.largestError(trialOf('simd', memory, trial.shape));

/** What is missing for a variant, or null; sets the flags of Node's V8 where it is experimental. */
async function missingFor(variant: WasmVariant, memory: WebAssembly.Memory): Promise<string | null> {
  const missing = variant === 'revectorized' ? noRevectoriser() : null;
  if (missing) return missing;
  if (variant !== 'simd') await setFlags(variant);
  if (!WebAssembly.validate(microModule(targetOf(variant, true)))) {
    return variant === 'simd' ? 'WebAssembly SIMD' : 'an engine with relaxed SIMD';
  }
  if (variant === 'simd' || trialOf(variant, memory).fuses()) return null;
  return 'fused multiply-add: this engine rounds the product first';
}

/** Why there cannot be a revectoriser, or null. Deno has one, and does not tell whether --v8-flags switched it on. */
function noRevectoriser(): string | null {
  if (host === 'bun' || host === 'browser')
    return "V8's revectoriser, which Node >= 24 and Deno can switch on";
  if (process.arch !== 'x64') return `an x64 processor, this is ${process.arch}`;
  return host === 'node' && nodeMajor < 24 ? `Node >= 24, this is ${process.versions.node}` : null;
}

async function setFlags(variant: WasmVariant): Promise<void> {
  if (host !== 'node') return;
  const { setFlagsFromString } = await import('../node.ts');
  if (nodeMajor < 22) setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (variant === 'revectorized') setFlagsFromString('--experimental-wasm-revectorize');
}
