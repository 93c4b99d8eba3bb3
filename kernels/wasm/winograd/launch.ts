import type { ConvGemm } from '../conv2d/lowering.ts';
import type { ConvRun } from '../conv2d/run.ts';
import { epilogueArguments, epilogueForm } from '../epilogue.ts';
import type { Launcher } from '../machine.ts';
import { ceilTo, launchInChunks } from '../tasks.ts';
import { winogradKernel, winogradWeightsKernel } from './forward.ts';
import { winogradOf, winogradScratch, winogradWeightBytes } from './plan.ts';

/** Runs a convolution by Winograd's algorithm where that is faster; returns whether it did. */
export function launchWinograd(launcher: Launcher, conv: ConvGemm, run: ConvRun): boolean {
  const { shape, threads } = launcher;
  const form = epilogueForm(run, 'row');
  const isWanted = launcher.winograd && run.groups === 1;
  const w = isWanted ? winogradOf(conv, run.images, form, shape, threads) : null;
  if (!w) return false;
  const rowTasks = Math.ceil(w.weights.rows / w.taskRows);
  const threadBytes = ceilTo(winogradScratch(w, shape), 64);
  const packing = winogradWeightsKernel(w.weights, shape);
  const panels = Math.ceil(w.weights.rows / shape.rows);
  const imageTasks = Math.ceil(w.source.tileRows / w.taskTileRows) * rowTasks;
  launcher.withScratch(threadBytes * threads, (scratch) =>
    launcher.packed.use(
      run.weight,
      packing.key,
      winogradWeightBytes(w, shape),
      (out) => launcher.launch(packing, panels, { x: run.weight, out }),
      (weights) =>
        launchInChunks(run.images, imageTasks, (first, images) => {
          const tileRows = images * w.source.tileRows;
          const tileTasks = Math.ceil(tileRows / w.taskTileRows);
          launcher.launch(winogradKernel(w, shape), tileTasks * rowTasks, {
            weights,
            x: run.source + first * w.source.imageStride * 4,
            ...epilogueArguments(run),
            out: run.out + first * w.output.imageStride * 4,
            scratch,
            threadBytes,
            tileRows,
            tileTasks,
            taskRows: w.taskRows,
          });
        }),
    ),
  );
  return true;
}
