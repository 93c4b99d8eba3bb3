import type { ConvGemm } from '../conv2d/lowering.ts';
import type { ConvRun } from '../conv2d/run.ts';
import { epilogueArguments, epilogueForm } from '../epilogue.ts';
import type { Launcher } from '../machine.ts';
import { ceilTo, TASKS_PER_THREAD } from '../tasks.ts';
import { depthwiseKernel, depthwiseScratch } from './forward.ts';

/** Runs all products of a pass of which `isDepthwise` holds. */
export function launchDepthwise(launcher: Launcher, gemms: readonly ConvGemm[], run: ConvRun): void {
  const { threads } = launcher;
  const total = run.images * run.groups;
  const tasks = Math.min(total, threads === 1 ? 1 : threads * TASKS_PER_THREAD);
  const itemsPerTask = Math.ceil(total / tasks);
  const threadBytes = ceilTo(depthwiseScratch(gemms), 64);
  launcher.withScratch(threadBytes * threads, (scratch) =>
    launcher.launch(depthwiseKernel(gemms, epilogueForm(run, 'row')), Math.ceil(total / itemsPerTask), {
      weights: run.weight,
      x: run.source,
      ...epilogueArguments(run),
      out: run.out,
      scratch,
      threadBytes,
      total,
      itemsPerTask,
      groups: run.groups,
    }),
  );
}
