/** Command-line values that several benchmarks take. */
import { InvalidArgumentError } from 'commander';

export const DEVICES = [
  'auto',
  'gpu',
  'wasm',
  'headlessgl',
  'webgl2',
  'webgl',
  'webgpu',
  'webasm',
  'cpu',
] as const;

export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('wants a number above 0.');
  return value;
}

export function count(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('wants a whole number.');
  return value;
}

export const countFromZero = (text: string): number => (text === '0' ? 0 : count(text));
