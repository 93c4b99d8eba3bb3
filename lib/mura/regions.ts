import { GradiographError } from '../errors.ts';

/** The parts of the upper limb that MURA has, in the order of the alphabet. */
export const REGIONS = ['elbow', 'finger', 'forearm', 'hand', 'humerus', 'shoulder', 'wrist'] as const;
/** A part of the upper limb. */
export type Region = (typeof REGIONS)[number];

/** A part of the data set, as it is published. */
export type Split = 'train' | 'valid';

/** One image of MURA, as its path tells: `{split}/XR_{REGION}/patientNNNNN/studyK_{positive,negative}/imageM.png`. */
export interface MuraImage {
  /** The file. */
  readonly path: string;
  /** The part of MURA that it belongs to. */
  readonly split: Split;
  /** What it shows. */
  readonly region: Region;
  /** The number of the patient, whose studies may be of several regions. */
  readonly patient: number;
  /** The study's folder below the root: one examination of one patient, with one label for all its images. */
  readonly study: string;
  /** 1 is abnormal ("positive"). */
  readonly label: 0 | 1;
}

/** A region by its name, `XR_` and capitals allowed. @throws GradiographError listing the seven */
export function parseRegion(name: string): Region {
  const region = name.toLowerCase().replace(/^xr_/, '') as Region;
  if (!REGIONS.includes(region)) {
    throw new GradiographError(`region: '${name}' is none of ${REGIONS.join(', ')}`);
  }
  return region;
}
