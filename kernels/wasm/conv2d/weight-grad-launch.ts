import type { Conv2dGeometry } from '../../primitives.ts';
import { isDepthwise } from '../depthwise/forward.ts';
import { launchDepthwiseGrad } from '../depthwise/weight-grad-launch.ts';
import { plainView, simplify, tapsOf } from '../gemm/im2col-view.ts';
import type { Launcher } from '../machine.ts';
import { ceilTo, evenPartition, launchInChunks } from '../tasks.ts';
import { isWinogradGrad } from '../winograd/weight-grad.ts';
import { launchWinogradGrad } from '../winograd/weight-grad-launch.ts';
import { forwardView, weightsPerGroup } from './lowering.ts';
import { partitionsOf, withPartitions } from './partitions.ts';
import type { WeightGradRun } from './run.ts';
import { type WeightGrad, weightGradKernel, weightGradScratch, weightGradTasks } from './weight-grad.ts';

/** Rows of each operand that a task packs, and the positions of a block. */
const MOST_ROWS = 256;
const BLOCK = 384;

export function launchWeightGrad(launcher: Launcher, run: WeightGradRun, g: Conv2dGeometry): void {
  const { shape } = launcher;
  const view = simplify(forwardView(g));
  const [rows, channels] = [g.outChannels / g.groups, g.inChannels / g.groups];
  const positions = g.outHeight * g.outWidth;
  const w: WeightGrad = {
    rows,
    channels,
    rowView: plainView(positions, g.outChannels * positions),
    view,
    taskRows: ceilTo(evenPartition(rows, MOST_ROWS), shape.rows),
    taskChannels: evenPartition(channels, Math.floor(MOST_ROWS / tapsOf(view))),
    block: BLOCK,
  };
  if (isDepthwise(g)) launchDepthwiseGrad(launcher, run, g);
  else if (launcher.winograd && g.groups === 1 && isWinogradGrad(w)) launchWinogradGrad(launcher, run, g, w);
  else launchDirect(launcher, run, g, w);
}

function launchDirect(launcher: Launcher, run: WeightGradRun, g: Conv2dGeometry, w: WeightGrad): void {
  const { shape } = launcher;
  const columns = g.batch * g.outHeight * g.outWidth;
  const tasks = weightGradTasks(w);
  const { partitions, size } = partitionsOf(launcher, tasks * g.groups, columns, BLOCK, 4);
  const threadBytes = ceilTo(weightGradScratch(w, shape), 64);
  const length = weightsPerGroup(g) * g.groups;
  const groupDy = w.rows * g.outHeight * g.outWidth;
  const groupX = w.channels * g.inHeight * g.inWidth;
  withPartitions(launcher, partitions, threadBytes, { out: run.out, length }, (scratch, out) =>
    launchInChunks(g.groups, tasks * partitions, (first, groups) =>
      launcher.launch(weightGradKernel(w, shape), tasks * groups * partitions, {
        dy: run.dy + first * groupDy * 4,
        x: run.x + first * groupX * 4,
        out: out + first * weightsPerGroup(g) * 4,
        scratch,
        threadBytes,
        columns,
        partitionColumns: size,
        partitionOut: length,
        groups,
        groupDy,
        groupX,
      }),
    ),
  );
}
