import { groupBy, type PatientImage } from '../data/split.ts';

/**
 * What each image counts in the loss, so that both classes count the same: with N0 normal and N1 abnormal images, in
 * the whole set or in each region, an abnormal one counts N0 / (N0 + N1), a normal one N1 / (N0 + N1) (Rajpurkar et al.
 * 2018, MURA).
 */
export function classWeights(images: readonly PatientImage[], within: 'set' | 'region'): Float32Array {
  const groups = groupBy(images, ({ region }) => (within === 'region' ? region : ''));
  const shares = new Map(
    [...groups].map(([key, group]) => [key, group.filter(({ label }) => label === 1).length / group.length]),
  );
  return Float32Array.from(images, ({ region, label }) => {
    const abnormal = shares.get(within === 'region' ? region : '') ?? 0;
    return label === 1 ? 1 - abnormal : abnormal;
  });
}
