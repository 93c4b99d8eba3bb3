import { type MuraImage, REGIONS, type Region, type Split } from './regions.ts';

/** Normal and abnormal images. */
export type Counts = readonly [normal: number, abnormal: number];

/**
 * The images of MURA v1.1 in each split and region, normal and abnormal, as tables counted from its lists have them: 36,808 in
 * train (21,935 and 14,873), 3,197 in valid (1,667 and 1,530).
 */
export const PUBLISHED_COUNTS: Readonly<Record<Split, Readonly<Record<Region, Counts>>>> = {
  train: {
    elbow: [2925, 2006],
    finger: [3138, 1968],
    forearm: [1164, 661],
    hand: [4059, 1484],
    humerus: [673, 599],
    shoulder: [4211, 4168],
    wrist: [5765, 3987],
  },
  valid: {
    elbow: [235, 230],
    finger: [214, 247],
    forearm: [150, 151],
    hand: [271, 189],
    humerus: [148, 140],
    shoulder: [285, 278],
    wrist: [364, 295],
  },
};

/** How far, as a share, a data set may be from 36,808 and 3,197 images and still be taken for MURA v1.1. */
const NEARLY = 0.01;

/**
 * Rows for a table, normal/abnormal images of each region beside the published ones, and whether they agree; null for
 * a data set that is not nearly as large as MURA v1.1, and so another one or a part of it.
 */
export function comparePublishedCounts(
  sets: Readonly<Record<Split, { readonly images: readonly MuraImage[] }>>,
): string[][] | null {
  const splits = ['train', 'valid'] as const;
  const isMura = splits.every((split) => {
    const [normal, abnormal] = total(Object.values(PUBLISHED_COUNTS[split]));
    const expected = normal + abnormal;
    return Math.abs(sets[split].images.length - expected) <= NEARLY * expected;
  });
  if (!isMura) return null;
  const found = { train: countRegions(sets.train.images), valid: countRegions(sets.valid.images) };
  const row = (title: string, countsOf: (table: Readonly<Record<Region, Counts>>) => Counts) => {
    const cells = splits.flatMap((split) => [
      countsOf(found[split]).join('/'),
      countsOf(PUBLISHED_COUNTS[split]).join('/'),
    ]);
    const agrees = cells[0] === cells[1] && cells[2] === cells[3];
    return [title, ...cells, agrees ? 'agrees' : 'DIFFERS'];
  };
  return [
    ['normal/abnormal', 'train', 'published', 'valid', 'published', ''],
    ...REGIONS.map((region) => row(region, (table) => table[region])),
    row('all', (table) => total(Object.values(table))),
  ];
}

function total(counts: readonly Counts[]): Counts {
  return counts.reduce((a, b) => [a[0] + b[0], a[1] + b[1]], [0, 0]);
}

function countRegions(images: readonly MuraImage[]): Record<Region, Counts> {
  const counts = Object.fromEntries(REGIONS.map((region) => [region, [0, 0]])) as Record<
    Region,
    [number, number]
  >;
  for (const { region, label } of images) counts[region][label]++;
  return counts;
}
