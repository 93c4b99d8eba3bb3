import type { Conv2dGeometry } from '../../primitives.ts';
import { forwardView, weightsPerGroup } from '../conv2d/lowering.ts';
import { partitionsOf, withPartitions } from '../conv2d/partitions.ts';
import type { WeightGradRun } from '../conv2d/run.ts';
import type { Launcher } from '../machine.ts';
import { ceilTo, TASKS_PER_THREAD } from '../tasks.ts';
import { depthwiseGradKernel, depthwiseGradScratch } from './weight-grad.ts';

/** Runs the weight gradient of a convolution of which `isDepthwise` holds. */
export function launchDepthwiseGrad(launcher: Launcher, run: WeightGradRun, g: Conv2dGeometry): void {
  const { threads } = launcher;
  const view = forwardView(g);
  const tasks = Math.min(g.groups, threads === 1 ? 1 : threads * TASKS_PER_THREAD);
  const itemsPerTask = Math.ceil(g.groups / tasks);
  const groupTasks = Math.ceil(g.groups / itemsPerTask);
  const { partitions, size } = partitionsOf(launcher, groupTasks, g.batch, 1, 1);
  const threadBytes = ceilTo(depthwiseGradScratch(view), 64);
  const length = weightsPerGroup(g) * g.groups;
  const kernel = depthwiseGradKernel(g.outChannels / g.groups, view);
  withPartitions(launcher, partitions, threadBytes, { out: run.out, length }, (scratch, out) =>
    launcher.launch(kernel, partitions * groupTasks, {
      dy: run.dy,
      x: run.x,
      out,
      scratch,
      threadBytes,
      images: g.batch,
      partitionImages: size,
      partitionOut: length,
      groups: g.groups,
      itemsPerTask,
      groupTasks,
    }),
  );
}
