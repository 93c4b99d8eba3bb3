import type { Device, Storage } from '../devices/device.ts';
import { quote, StateDictError } from '../errors.ts';
import { copyStorage } from '../tensor/placement.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Which names a module and the state dict that was loaded into it do not share. */
export interface LoadReport {
  /** Names that the module has and the state dict lacks. */
  readonly missing: string[];
  /** Names that the state dict has and the module lacks. */
  readonly unexpected: string[];
}

/** Old checkpoints lack this count, and nothing is computed from it at the default momentum. */
const isOptional = (name: string): boolean => /(^|\.)num_batches_tracked$/.test(name);

/** @throws StateDictError for shapes that differ and, if `strict`, for names that do */
export function checkStateDict(
  target: ReadonlyMap<string, Tensor>,
  source: ReadonlyMap<string, Tensor>,
  strict: boolean,
): LoadReport {
  const missing = [...target.keys()].filter((name) => !source.has(name) && !isOptional(name));
  const unexpected = [...source.keys()].filter((name) => !target.has(name));
  const misshaped = pairsOf(target, source)
    .filter(({ to, from }) => !sameShape(to.shape, from.shape))
    .map(({ name, to, from }) => `${name} is ${quote(from.shape)}, wants ${formatShape(to.shape)}`);

  const faults = [
    ...(strict ? [describe('missing', missing), describe('unexpected', unexpected.map(quote))] : []),
    describe('of another shape', misshaped),
  ].filter((fault) => fault !== '');
  if (faults.length > 0) throw new StateDictError(`loadStateDict: ${faults.join('')}`);

  return { missing, unexpected };
}

/**
 * Overwrites each tensor of `target` with the one of its name in `source`.
 * @throws StateDictError, with nothing changed, for shapes that differ and, if `strict`, for names that do
 * @throws DeviceError, with nothing changed, for a source on another device that has no synchronous read
 */
export function copyStateDict(
  target: ReadonlyMap<string, Tensor>,
  source: ReadonlyMap<string, Tensor>,
  strict: boolean,
): LoadReport {
  const report = checkStateDict(target, source, strict);
  const copies: { to: Tensor; device: Device; storage: Storage }[] = [];
  try {
    for (const { to, from } of pairsOf(target, source)) {
      const { device } = to;
      copies.push({ to, device, storage: copyStorage(from, device) });
    }
  } catch (error) {
    for (const { device, storage } of copies) device.free(storage);
    throw error;
  }
  for (const { to, storage } of copies) to.assign(storage);
  return report;
}

/** The tensors of each name that both have. */
const pairsOf = (target: ReadonlyMap<string, Tensor>, source: ReadonlyMap<string, Tensor>) =>
  [...target].flatMap(([name, to]) => {
    const from = source.get(name);
    return from ? [{ name, to, from }] : [];
  });

/** How many names an error lists of a kind: a file may hold any number. */
const MAX_LISTED = 100;

function describe(fault: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const lines = names.slice(0, MAX_LISTED);
  if (names.length > MAX_LISTED) lines.push(`and ${names.length - MAX_LISTED} more`);
  return `\n  ${fault} (${names.length}):${lines.map((line) => `\n    ${line}`).join('')}`;
}
