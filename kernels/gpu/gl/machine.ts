/** What the four-lane families need from the GL runtime; lib/devices/gpu/gl provides it. */
import type { Storage } from '../../primitives.ts';
import type { Program } from '../program/program.ts';
import type { Planes } from './planes.ts';

/** `B` is a texture; `S` a storage, which holds its values flat or packed (NC4HW4: four channels a texel). */
export interface GlMachine<S extends Storage, B extends { readonly length: number }> {
  /** Textures that one program may read, and write. */
  readonly maxInputs: number;
  readonly maxOutputs: number;
  /** Runs a program, which is compiled at its first run under a key. */
  run(key: string, build: () => Program, inputs: readonly B[], scalars?: readonly number[]): B;
  /** The results of a program with `maps`: the returned value's, then theirs. */
  runAll(key: string, build: () => Program, inputs: readonly B[], scalars?: readonly number[]): B[];
  freeBuffer(buffer: B): void;
  /** A storage's values in flat, row-major order. */
  flat(x: S): B;
  /** A new storage of a buffer's values, flat or packed. */
  fromFlat(buffer: B, length?: number): S;
  fromPacked(planes: Planes, buffer: B): S;
  /** How a storage is packed; null of one that is flat. */
  planesOf(x: S): Planes | null;
  /** Calls `use` with the storages packed as `planes` say; those that were not are packed for that long. */
  withPacked<T>(xs: readonly S[], planes: readonly Planes[], use: (packed: B[]) => T): T;
}

export const samePlanes = (a: Planes, b: Planes): boolean =>
  a.batch === b.batch && a.channels === b.channels && a.spatial === b.spatial;

export const planesKey = ({ batch, channels, spatial }: Planes): string => `${batch},${channels},${spatial}`;
