/** How work is cut into tasks. */

/** Tasks per thread that balance the load where threads are slowed by others. */
export const TASKS_PER_THREAD = 4;

/** Values of a task of a memory-bound kernel. */
export const CHUNK = 16384;

/** Most tasks of one launch: the threads' control words can count a few more. */
const MOST_TASKS = 4000;

export const ceilTo = (n: number, factor: number): number => Math.ceil(n / factor) * factor;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const product = (values: readonly number[]): number =>
  values.reduce((total, value) => total * value, 1);

/** Row-major strides of a shape. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/** { [name(0)]: values[0], ... }: a kernel's argument for each axis. */
export const namedAxes = (
  name: (axis: number) => string,
  values: readonly number[],
): Record<string, number> => Object.fromEntries(values.map((value, axis) => [name(axis), value]));

/** The size of the fewest equal partitions of n that are at most `most` each. */
export const evenPartition = (n: number, most: number): number =>
  Math.ceil(n / Math.ceil(n / Math.max(1, most)));

/** Tasks that n elements are cut into, and the elements of each: at least `least`, and divisible by `factor`. */
export function chunks(n: number, least: number, factor = 4): { tasks: number; chunk: number } {
  const chunk = ceilTo(Math.max(least, n / 1024), factor);
  return { tasks: Math.max(1, Math.ceil(n / chunk)), chunk };
}

/** Splits a launch of `groups` times `tasksPerGroup` tasks where it would be too long for one. */
export function launchInChunks(
  groups: number,
  tasksPerGroup: number,
  launch: (first: number, count: number) => void,
): void {
  const most = Math.max(1, Math.floor(MOST_TASKS / tasksPerGroup));
  for (let first = 0; first < groups; first += most) launch(first, Math.min(most, groups - first));
}
