import type { Device } from '../../../../lib/devices/device.ts';
import { type Case, Random } from '../../../devices/gpu/cases.ts';
import { ReferenceDevice } from '../../../support/reference/device.ts';

/** float32 against float64: relative to the greatest value of the output. */
const TOLERANCE = 1e-5;

/** Runs a case on a device and on the reference and frees what it gave: where they differ, or null. */
export async function mismatch(device: Device, { name, run }: Case, seed: number): Promise<string | null> {
  const reference = new ReferenceDevice();
  const expected = run(reference, new Random(seed));
  const actual = run(device, new Random(seed));
  let found: string | null = null;
  for (let k = 0; k < expected.length; k++) {
    const want = reference.readSync(expected[k] as Parameters<typeof reference.readSync>[0]);
    const got = await device.read(actual[k]);
    const scale = want.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const at = want.findIndex((value, i) => !(Math.abs(got[i] - value) <= TOLERANCE * scale));
    if (got.length !== want.length)
      found ??= `${name}: output ${k} has ${got.length} values, not ${want.length}`;
    if (at >= 0)
      found ??= `${name}, seed ${seed}: output ${k}[${at}] is ${got[at]}, the reference has ${want[at]}`;
  }
  for (const storage of new Set(actual)) device.free(storage);
  return found;
}
