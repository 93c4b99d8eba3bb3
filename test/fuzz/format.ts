/** What the fuzzers know of a file format, and what they hold its reader to. */
import type { Generator } from '../../lib/index.ts';

/** Another file made from one, by a seeded draw; `other` is a second sample to take parts from. */
export type Mutation = (bytes: Uint8Array, random: Generator, other: Uint8Array) => Uint8Array;

export interface Format {
  readonly name: string;
  /** Sound files, which mutations start from. */
  samples(): Promise<readonly Uint8Array[]>;
  /** Mutations that know the format; those of plain bytes are added to them. */
  readonly mutations: readonly Mutation[];
  /**
   * Reads a file, given as bytes and as the path where they lie.
   * @returns everything that a user would get of it, the same for the same bytes
   * @throws GradiographError where the file is refused, and nothing else
   */
  read(bytes: Uint8Array, path: string): Promise<readonly unknown[]>;
}

export type Fault =
  | 'a raw error'
  | 'a hang'
  | 'a crash'
  | 'too slow'
  | 'too much memory'
  | 'a value of memory outside the file'
  | 'a leak of tensors'
  | 'an endless message';

/** A case in which the reader did what it must not do. */
export interface Finding {
  readonly index: number;
  readonly fault: Fault;
  /** One line, or a stack trace. */
  readonly detail: string;
}

/** How a run of one format went. */
export interface Outcome {
  readonly format: string;
  readonly cases: number;
  readonly read: number;
  readonly refused: number;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

/** Time and memory that a reader may take for a file: far more than it needs, but in its measure. */
export const LIMITS = {
  /** Of the processor, so that a machine under load changes nothing. */
  milliseconds: (bytes: number): number => 3000 + bytes / 100,
  peakBytes: (bytes: number): number => 2 ** 27 + 256 * bytes,
  /** Of the processor: after so long without an answer the process is ended. */
  hangSeconds: 60,
  /** The process is ended above it. */
  processBytes: 3 * 2 ** 30,
  messageCharacters: 25_000,
} as const;
