import type { Device, Storage } from '../../lib/devices/device.ts';
import { DeviceError } from '../../lib/errors.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { close } from '../support/close-to.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import type { Case } from './case.ts';

/** How far float32 may be from the reference's float64: of the result's largest value, and of each value. */
export interface Tolerance {
  readonly ofLargest: number;
  readonly ofEach: number;
}

/**
 * Runs a case on `device` and on the reference device: the results must agree, and nothing may stay in use once all that
 * the device gave is freed.
 * @throws Error naming the case, its seed and the worst element
 */
export async function check(
  device: Device,
  one: Case,
  seed: number,
  tolerance: Tolerance,
  Random: typeof Generator = Generator,
): Promise<void> {
  const where = `${one.name}, seed ${seed}`;
  const actual = await resultsOn(device, one, new Random(seed), where);
  const expected = await resultsOn(new ReferenceDevice(), one, new Random(seed), where);
  expected.forEach((values, i) => {
    if (!values !== !actual[i]) throw new Error(`${where}: result ${i} is null on one device only`);
    if (!values) return;
    const largest = values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
    const limits = { atol: tolerance.ofLargest * largest, rtol: tolerance.ofEach };
    close(`${where}: result ${i}`, actual[i] ?? undefined, values, limits);
  });
}

/** What a case gives on a device. @throws Error where bytes are left in use */
export async function resultsOn(device: Device, one: Case, random: Generator, where: string) {
  const before = device.memory().bytesInUse;
  const live = new Set<Storage>();
  const tracked = tracking(device, live);
  const outputs = one.run(tracked, random);
  const values = await Promise.all(outputs.map((output) => output && device.read(output)));
  for (const storage of live) device.free(storage);
  const left = device.memory().bytesInUse - before;
  if (left !== 0) throw new Error(`${where}: ${left} bytes are left in use`);
  return values;
}

/**
 * Runs a case again and again, each time with another operand freed before its primitive: that may not need it, or
 * throws a DeviceError; either way nothing stays allocated.
 * @throws Error naming the case, its seed and the operand
 */
export function checkFailures(device: Device, one: Case, seed: number): void {
  for (let victim = 0, seen = 1; seen > victim; victim++) {
    const before = device.memory().bytesInUse;
    const live = new Set<Storage>();
    seen = 0;
    const free = (operand: Storage) => {
      if (seen++ === victim && live.delete(operand)) device.free(operand);
    };
    try {
      one.run(
        tracking(device, live, (operands) => operands.forEach(free)),
        new Generator(seed),
      );
    } catch (error) {
      const { cause = error } = error as Error;
      if (!(cause instanceof DeviceError)) throw error;
    }
    for (const storage of live) device.free(storage);
    const bytes = device.memory().bytesInUse - before;
    if (bytes !== 0) {
      throw new Error(`${one.name}, seed ${seed}, operand ${victim} freed: ${bytes} bytes are left in use`);
    }
  }
}

/** The device; `live` has the storages that it gave and that were not freed since. */
function tracking(
  device: Device,
  live: Set<Storage>,
  before: (operands: readonly Storage[]) => void = () => {},
): Device {
  return new Proxy(device, {
    get(target, name) {
      const member = target[name as keyof Device];
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (name !== 'upload' && name !== 'free') before(args.flatMap(storagesIn));
        const result = (member as (...args: unknown[]) => unknown).apply(target, args);
        if (name === 'free') live.delete(args[0] as Storage);
        else for (const storage of storagesIn(result)) live.add(storage);
        return result;
      };
    },
  });
}

/** A storage, or those in what a primitive returns in an object or array. */
function storagesIn(value: unknown): Storage[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('length' in value && !Array.isArray(value)) return [value as Storage];
  return Object.values(value).flatMap(storagesIn);
}
