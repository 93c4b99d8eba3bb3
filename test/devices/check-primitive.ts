import type { Device, Primitives, Storage } from '../../lib/devices/device.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { close } from '../support/close-to.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import type { Draw } from './drawing.ts';
import { BATCH_NORM_DRAWS } from './draws-batch-norm.ts';
import { IMAGE_DRAWS } from './draws-images.ts';
import { TENSOR_DRAWS } from './draws-tensors.ts';

export type PrimitiveName = keyof Primitives<Storage>;

/** Random arguments for every primitive of the device contract: one that lacks a row does not compile. */
const DRAWS: { readonly [P in PrimitiveName]: (random: Generator) => Draw } = {
  ...TENSOR_DRAWS,
  ...IMAGE_DRAWS,
  ...BATCH_NORM_DRAWS,
};
export const PRIMITIVES = Object.keys(DRAWS) as PrimitiveName[];

/** Relative to the largest value of a result: sums of thousands of products differ in the order of adding. */
const TOLERANCE = 2e-5;

/**
 * Calls a primitive with random arguments on `device` and on the reference device: the results must agree, and no
 * storage may stay behind.
 * @throws Error naming the primitive, the draw's number and its arguments
 */
export async function checkPrimitive(
  device: Device,
  name: PrimitiveName,
  draw: number,
  Random: typeof Generator = Generator,
): Promise<void> {
  const { arguments: args, inputs, call } = DRAWS[name](new Random(draw, PRIMITIVES.indexOf(name)));
  const where = `${name}, draw ${draw}, ${JSON.stringify(args)}`;
  const results = async (on: Device) => {
    const before = on.memory().bytesInUse;
    const storages = inputs.map((data) => on.upload(data));
    const outputs = call(on, storages);
    const data = await Promise.all(outputs.map((output) => output && on.read(output)));
    for (const storage of new Set([...storages, ...outputs])) if (storage) on.free(storage);
    const left = on.memory().bytesInUse - before;
    if (left !== 0) throw new Error(`${where}: ${left} bytes are left in use`);
    return data;
  };
  const [ours, reference] = [await results(device), await results(new ReferenceDevice())];
  reference.forEach((expected, i) => {
    if (!expected !== !ours[i]) throw new Error(`${where}: result ${i} is null on one device only`);
    if (!expected) return;
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    close(`${where}: result ${i}`, ours[i] ?? undefined, expected, { atol: TOLERANCE * largest });
  });
}
