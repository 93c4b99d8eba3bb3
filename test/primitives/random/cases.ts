/** Random arguments for every primitive of the contract: one that lacks a row does not compile. */
import type { Primitives, Storage } from '../../../lib/devices/device.ts';
import type { Generator } from '../../../lib/tensor/random.ts';
import type { Case } from '../case.ts';
import type { Draw } from '../drawing.ts';
import { RANDOM_BATCH_NORMS } from './batch-norm.ts';
import { RANDOM_IMAGES } from './images.ts';
import { RANDOM_TENSORS } from './tensors.ts';

const DRAWS: { readonly [P in keyof Primitives<Storage>]: (random: Generator) => Draw } = {
  ...RANDOM_TENSORS,
  ...RANDOM_IMAGES,
  ...RANDOM_BATCH_NORMS,
};

export const RANDOM_CASES: readonly Case[] = Object.entries(DRAWS).map(([primitive, draw]) => ({
  name: `${primitive} at random`,
  run(device, random) {
    const { arguments: args, inputs, call } = draw(random);
    try {
      return call(
        device,
        inputs.map((data) => device.upload(data)),
      );
    } catch (error) {
      throw new Error(`${primitive} of ${JSON.stringify(args)}`, { cause: error });
    }
  },
}));
