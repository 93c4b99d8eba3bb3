/** What the families need from the device that runs their kernels; lib/devices/wasm provides it. */
import type { Primitives, Storage } from '../primitives.ts';
import type { Arguments, Kernel, Target } from './emit/kernel.ts';
import type { TileShape } from './gemm/micro-kernel.ts';

/** Runs kernels on threads that share one memory. */
export interface Launcher {
  readonly target: Target;
  readonly threads: number;
  /** Whether 3x3 convolutions may go by Winograd's algorithm. */
  readonly winograd: boolean;
  /** The tile of the micro-kernel. */
  readonly shape: TileShape;
  readonly heap: { readonly f32: Float32Array; readonly i32: Int32Array };
  readonly packed: PackedForms;
  /** Runs the kernel's tasks 0 to `tasks - 1` and returns when they are done. */
  launch<P extends Kernel['params']>(kernel: Kernel<P>, tasks: number, values: Arguments<P>): void;
  /** Calls `use` with the address of a block that lives as long as the call. */
  withScratch<T>(bytes: number, use: (address: number) => T): T;
}

/** Packed forms of weights, kept from their second use on until `forget`. */
export interface PackedForms {
  /** Calls `run` with the address of a form of `bytes`, which `pack` writes where it is not kept. */
  use(
    weights: number,
    form: string,
    bytes: number,
    pack: (to: number) => void,
    run: (packed: number) => void,
  ): void;
  /** The values at an address are to change, or are gone. */
  forget(weights: number): void;
}

/** A launcher, and the storages that primitives read and make. */
export interface Machine<S extends Storage> {
  readonly launcher: Launcher;
  /** A new storage, its values undefined. */
  allocate(length: number): S;
  /** Where a storage's values are, in bytes. */
  addressOf(x: S): number;
}

/** The primitives of one family. */
export type Family<S extends Storage, Name extends keyof Primitives<S>> = Pick<Primitives<S>, Name>;
