import type { Pointwise } from '../../../kernels/gpu/program/pointwise.ts';
import { type Program, type ProgramFunction, sourceOf } from '../../../kernels/gpu/program/program.ts';
import { DeviceError } from '../../errors.ts';
import type { Allocations } from '../allocations.ts';
import type { GpuMode } from '../device.ts';

/**
 * What runs programs on one kind of gpu.js backend. `B` is its buffer: a typed array, a texture, a GPU buffer.
 * A program compiles once, at its first run under a key; inputs are never written to.
 */
export interface Runtime<B> {
  readonly mode: GpuMode;
  /** Backend and renderer. */
  readonly description: string;
  /** Array arguments that one program may take. */
  readonly maxInputs: number;
  /** Programs compiled so far. */
  readonly compilations: number;
  readonly allocations: Allocations<B>;
  run(key: string, build: () => Program, inputs: readonly B[], scalars?: readonly number[]): B;
  /** All results at once of a pointwise function of flat tensors, where the backend has a better way than `run`. */
  pointwise?(
    key: string,
    build: () => Pointwise,
    inputs: readonly B[],
    scalars: readonly number[],
    length: number,
  ): readonly B[];
  upload(data: Float32Array): B;
  read(buffer: B): Promise<Float32Array>;
  readSync(buffer: B): Float32Array;
  free(buffer: B): void;
  memory(): { bytesInUse: number; bytesHeld: number };
  dispose(): Promise<void>;
}

/** The part of gpu.js's public face that the runtimes use. */
export interface GpuJs {
  readonly GPU: new (settings: { mode: GpuMode }) => GpuInstance;
  input(value: Float32Array, size: readonly number[]): { size: number[] };
}

export interface GpuInstance {
  /** The backend's kernel class. */
  readonly Kernel: unknown;
  createKernel(source: string, settings: object): KernelShortcut;
  createKernelMap(kernels: Record<string, string>, source: string, settings: object): KernelShortcut;
  destroy(): Promise<void>;
}

/** A gpu.js kernel, ready to call. */
export interface KernelShortcut {
  (...args: unknown[]): unknown;
  /** The kernel behind: another object after gpu.js has fallen back to `cpu`. */
  readonly kernel: object;
}

/** Compiles at the first call. `types` are gpu.js's names of the inputs' types. */
export function createKernel(
  gpu: GpuInstance,
  program: Program,
  types: readonly string[],
  settings: object,
): KernelShortcut {
  const all = {
    output: [...program.output],
    precision: 'single',
    tactic: 'precision',
    // Loops have literal bounds; gpu.js cuts those that have not after this many rounds.
    loopMaxIterations: 1 << 24,
    // Programs divide integers with half a unit to spare: gpu.js need not wrap every division in a check.
    fixIntegerDivisionAccuracy: false,
    argumentTypes: [...types, ...(program.scalars ?? []).map(() => 'Float')],
    ...(program.functions ? { functions: program.functions.map(functionOf) } : {}),
    ...settings,
  };
  const { maps } = program;
  if (!maps || maps.length === 0) return gpu.createKernel(sourceOf(program), all);
  const kernels = Object.fromEntries(maps.map((name) => [name, `function ${name}(value) { return value; }`]));
  return gpu.createKernelMap(kernels, sourceOf(program), all);
}

function functionOf({ name, arguments: names, body }: ProgramFunction): object {
  return {
    source: `function ${name}(${names.join(', ')}) {\n${body}\n}`,
    settings: { argumentTypes: names.map(() => 'Float'), returnType: 'Float' },
  };
}

/** Runs a kernel for the first time. Throws where gpu.js cannot compile it, or falls back to `cpu`, as it silently does. */
export function firstRun<T>(
  gpu: GpuInstance,
  mode: GpuMode,
  key: string,
  kernel: KernelShortcut,
  call: () => T,
): T {
  let result: T;
  try {
    result = call();
  } catch (error) {
    throw new DeviceError(`${mode}: kernel ${key} does not compile: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const behind = kernel.kernel as { constructor: unknown; fallbackReason?: string | null };
  if (behind.constructor !== gpu.Kernel) {
    throw new DeviceError(
      `${mode}: kernel ${key} would run in gpu.js's cpu mode: ${behind.fallbackReason ?? 'no reason given'}`,
    );
  }
  return result;
}
