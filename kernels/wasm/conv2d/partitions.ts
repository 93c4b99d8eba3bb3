/** Weight gradients are sums over images and positions: cut into partitions where threads would be idle, then added. */
import type { Launcher } from '../machine.ts';
import { launchSumRows } from '../reduce.ts';
import { ceilTo, TASKS_PER_THREAD } from '../tasks.ts';

/**
 * How many partitions a sum over `length` is cut into, so that `tasks` times as many occupy the threads; each is of
 * `size`, a multiple of `factor`, and of `least` at least.
 */
export function partitionsOf(
  { threads }: Launcher,
  tasks: number,
  length: number,
  least: number,
  factor: number,
): { partitions: number; size: number } {
  const wanted = threads === 1 ? 1 : threads * TASKS_PER_THREAD;
  const most = Math.min(Math.ceil(wanted / tasks), Math.ceil(length / least));
  const size = ceilTo(Math.ceil(length / most), factor);
  return { partitions: Math.ceil(length / size), size };
}

/** Calls `launch` with the threads' scratch and the address of the partitions' results, `[partitions, length]`; adds these. */
export function withPartitions(
  launcher: Launcher,
  partitions: number,
  threadBytes: number,
  result: { readonly out: number; readonly length: number },
  launch: (scratch: number, out: number) => void,
): void {
  const scratchBytes = threadBytes * launcher.threads;
  const partialBytes = partitions > 1 ? partitions * result.length * 4 : 0;
  launcher.withScratch(scratchBytes + partialBytes, (scratch) => {
    const partials = scratch + scratchBytes;
    launch(scratch, partitions > 1 ? partials : result.out);
    if (partitions > 1) launchSumRows(launcher, partials, result.out, [partitions, result.length]);
  });
}
