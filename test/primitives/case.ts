import type { Device, Storage } from '../../lib/devices/device.ts';
import type { Generator } from '../../lib/tensor/random.ts';

/** Some calls of primitives: the same generator gives the same arguments on every device. */
export interface Case {
  readonly name: string;
  /** What the calls gave, to be compared; whatever else was made on the way is freed as well. */
  run(device: Device, random: Generator): readonly (Storage | null)[];
}
