/** How work is cut into tasks. */

/** Tasks per thread that balance the load where threads are slowed by others. */
export const TASKS_PER_THREAD = 4;

export const ceilTo = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

/** The largest even share of n that is at most `most`. */
export const evenShare = (n: number, most: number): number => Math.ceil(n / Math.ceil(n / Math.max(1, most)));

/** Splits a launch of `groups` times `tasksPerGroup` tasks where it would be too long for one. */
export function launchInPieces(
  groups: number,
  tasksPerGroup: number,
  launch: (first: number, count: number) => void,
): void {
  const most = Math.max(1, Math.floor(4000 / tasksPerGroup));
  for (let first = 0; first < groups; first += most) launch(first, Math.min(most, groups - first));
}
