import type { Conv2dGeometry } from '../../primitives.ts';
import { weightsPerGroup } from '../conv2d/lowering.ts';
import { partitionsOf, withPartitions } from '../conv2d/partitions.ts';
import type { WeightGradRun } from '../conv2d/run.ts';
import { type WeightGrad, weightGradTasks } from '../conv2d/weight-grad.ts';
import type { Launcher } from '../machine.ts';
import { ceilTo, evenPartition } from '../tasks.ts';
import { tilesAlong } from './tiles.ts';
import { winogradGradKernel, winogradGradScratch } from './weight-grad.ts';

/**
 * The most channels of dy and of x in a task, and the fewest tiles. Wide tasks cut the sum into the same partitions as
 * narrow ones, so the results have the same bits.
 */
const MOST_ROWS = { wide: 128, narrow: 96 };
const LEAST_TILES = 96;

/** Runs a weight gradient of which `isWinogradGrad` holds; `direct` tells how the direct one would be cut. */
export function launchWinogradGrad(
  launcher: Launcher,
  run: WeightGradRun,
  g: Conv2dGeometry,
  direct: WeightGrad,
): void {
  const { shape, target } = launcher;
  const most = target.wide ? MOST_ROWS.wide : MOST_ROWS.narrow;
  const w: WeightGrad = {
    ...direct,
    taskRows: ceilTo(evenPartition(direct.rows, most), shape.rows),
    taskChannels: ceilTo(evenPartition(direct.channels, most), shape.columns),
  };
  const tileRows = g.batch * tilesAlong(g.outHeight);
  const tasks = weightGradTasks(w);
  const least = Math.ceil(LEAST_TILES / tilesAlong(g.outWidth));
  const narrowTasks =
    Math.ceil(direct.rows / MOST_ROWS.narrow) * Math.ceil(direct.channels / MOST_ROWS.narrow);
  const { partitions, size } = partitionsOf(launcher, narrowTasks, tileRows, least, 1);
  const threadBytes = ceilTo(winogradGradScratch(w, shape), 64);
  const length = weightsPerGroup(g);
  withPartitions(launcher, partitions, threadBytes, { out: run.out, length }, (scratch, out) =>
    launcher.launch(winogradGradKernel(w, shape), tasks * partitions, {
      dy: run.dy,
      x: run.x,
      out,
      scratch,
      threadBytes,
      tileRows,
      partitionTileRows: size,
      partitionOut: length,
    }),
  );
}
