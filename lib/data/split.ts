import { GradiographError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';

/** What a split by patients needs to know of an image. */
export interface PatientImage {
  /** Whose it is. */
  readonly patient: number;
  /** What it shows; images of a patient may be of several regions. */
  readonly region: string;
  /** 1 is abnormal. */
  readonly label: 0 | 1;
}

/**
 * Parts images in two with whole patients on either side: `fraction` of the images in the second, within each
 * stratum (the regions of a patient, and whether any image is abnormal) as nearly as whole patients allow.
 * @param seed of the choice; default 0
 * @throws GradiographError for a fraction that is not between 0 and 1
 */
export function splitByPatient<T extends PatientImage>(
  images: readonly T[],
  fraction: number,
  seed = 0,
): [rest: T[], part: T[]] {
  if (!(fraction > 0 && fraction < 1)) {
    throw new GradiographError(`split: the fraction must lie between 0 and 1, got ${fraction}`);
  }
  const patients = groupBy(images, (image) => image.patient);
  const strata = groupBy([...patients.values()], stratumOf);
  const random = new Generator(seed);
  const chosen = new Set<number>();
  let owed = 0;
  for (const key of [...strata.keys()].sort()) {
    const stratum = strata.get(key) ?? [];
    owed += fraction * stratum.reduce((sum, patient) => sum + patient.length, 0);
    for (const i of random.permutation(stratum.length)) {
      if (stratum[i].length > 2 * owed) continue;
      chosen.add(stratum[i][0].patient);
      owed -= stratum[i].length;
    }
  }
  const rest = images.filter(({ patient }) => !chosen.has(patient));
  const part = images.filter(({ patient }) => chosen.has(patient));
  assertNoSharedPatients({ rest, part });
  return [rest, part];
}

function stratumOf(images: readonly PatientImage[]): string {
  const regions = [...new Set(images.map(({ region }) => region))].sort();
  return `${regions.join('+')} ${images.some(({ label }) => label === 1) ? 1 : 0}`;
}

/** @throws GradiographError naming patients that are in more than one of the sets */
export function assertNoSharedPatients(sets: Readonly<Record<string, Iterable<PatientImage>>>): void {
  const owner = new Map<number, string>();
  const shared = new Map<number, string>();
  for (const [name, images] of Object.entries(sets)) {
    for (const { patient } of images) {
      const other = owner.get(patient) ?? name;
      if (other !== name) shared.set(patient, `patient ${patient} in ${other} and ${name}`);
      owner.set(patient, other);
    }
  }
  if (shared.size > 0) {
    const named = [...shared.values()].slice(0, 5).join(', ');
    throw new GradiographError(`split: ${shared.size} patients are on both sides: ${named}`);
  }
}

export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
