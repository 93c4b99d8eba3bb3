/** Formats whose readers do what none may: what the fuzzer itself is tested on. */
import { createHash } from 'node:crypto';
import { FormatError, tensor } from '../../lib/index.ts';
import type { Format } from './format.ts';

/** The sample is read; each mutant, which no mutation leaves as it was, meets the fault. */
const faulty = (name: string, misbehave: (bytes: Uint8Array) => unknown): Format => ({
  name,
  samples: async () => [Uint8Array.of(1, 2, 3)],
  mutations: [(bytes) => Uint8Array.of(...bytes, 4)],
  read: async (bytes) => (bytes.length === 3 && bytes[2] === 3 ? [] : [await misbehave(bytes)]),
});

export const FORMATS: readonly Format[] = [
  faulty('sound', () => {
    throw new FormatError('refused');
  }),
  faulty('a raw error', () => {
    throw new TypeError('of undefined');
  }),
  faulty('a hang', () => {
    for (;;);
  }),
  faulty('a crash', () => process.abort()),
  faulty('too slow', () => {
    const start = process.cpuUsage();
    for (let spent = 0; spent < 3.5e6; ) {
      createHash('sha512')
        .update(new Uint8Array(2 ** 22))
        .digest();
      const { user, system } = process.cpuUsage(start);
      spent = user + system;
    }
  }),
  faulty('too much memory', () => new Uint8Array(2 ** 28).fill(1).length),
  faulty('a value of memory outside the file', () => Buffer.allocUnsafe(8)),
  faulty('a leak of tensors', () => void tensor([1])),
  faulty('an endless message', () => {
    throw new FormatError('x'.repeat(1e6));
  }),
];
