import { type Callable, type FunctionBuilder, ModuleBuilder, type ValueOf } from './assembler.ts';
import type { I32, Local } from './values.ts';

/** What the emitted code may use. */
export interface Target {
  /** Relaxed-SIMD multiply-add in one rounding. */
  readonly fused: boolean;
  /** Micro-kernels shaped for V8's revectoriser, which turns pairs of 128-bit operations into 256-bit ones. */
  readonly wide: boolean;
  /** Whether the memory is shared between threads. */
  readonly shared: boolean;
}

/** Where kernels find their arguments: one 32-bit word each, from this address on. */
export const ARGUMENTS_ADDRESS = 1024;
export const MAX_ARGUMENTS = 96;

type Params = Readonly<Record<string, 'i32' | 'f32'>>;

/**
 * A kernel: a module whose export `run(task, thread)` does one of the tasks that a launch is cut into. Tasks are
 * independent, and threads take them in any order; `thread` counts from 0 and picks the thread's part of a scratch.
 */
export interface Kernel<P extends Params = Params> {
  /** Unique among all kernels: geometry that is compiled in is part of it. */
  readonly key: string;
  readonly params: P;
  readonly build: (target: Target) => Uint8Array<ArrayBuffer>;
}

export type Arguments<P extends Params> = { readonly [Name in keyof P]: number };

/** The micro-kernel of micro-kernel.ts and functions of the host, which every kernel can call. */
export interface Imports {
  /** x^y in float64, JavaScript's own. */
  readonly pow: Callable<readonly ['f64', 'f64'], 'f64'>;
  readonly tile: Callable<readonly ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], null>;
}

export interface KernelContext<P extends Params> {
  readonly m: ModuleBuilder;
  readonly f: FunctionBuilder;
  /** The launch's arguments. */
  readonly p: { readonly [Name in keyof P]: Local<ValueOf<P[Name]>> };
  readonly task: I32;
  readonly thread: I32;
  readonly target: Target;
  readonly imports: Imports;
}

export function defineKernel<const P extends Params>(
  key: string,
  params: P,
  emit: (context: KernelContext<P>) => void,
): Kernel<P> {
  if (Object.keys(params).length > MAX_ARGUMENTS)
    throw new Error(`${key}: more than ${MAX_ARGUMENTS} arguments`);
  return {
    key,
    params,
    build(target) {
      const m = new ModuleBuilder(target.shared);
      const imports: Imports = {
        pow: m.import('pow', ['f64', 'f64'], 'f64'),
        tile: m.import('tile', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], null),
      };
      const run = m.function(['i32', 'i32'], null, (f, task, thread) => {
        const zero = f.i32(0);
        const locals = Object.entries(params).map(([name, type], i) => {
          const address = ARGUMENTS_ADDRESS + 4 * i;
          return [name, type === 'i32' ? f.i32(zero.i32(address)) : f.f32(zero.f32(address))];
        });
        emit({ m, f, p: Object.fromEntries(locals), task, thread, target, imports });
      });
      m.export('run', run);
      return m.finish();
    },
  };
}
