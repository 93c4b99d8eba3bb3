/** How a training goes on from a checkpoint, perhaps for more epochs than it was begun for. */
import { GradiographError, optim } from '../../lib/index.ts';
import type { Checkpoint, FitState, Training } from '../../lib/node.ts';
import type { Recipe } from './recipes.ts';

/**
 * Puts a training back where a checkpoint has it. Its schedule is walked through anew up to there: one that spans the whole
 * training, as 'cosine' and 'oneCycle' do, then has the learning rates of the epochs that the recipe has now, also if the
 * checkpoint was planned for fewer or more. Of the others the rates are those of the checkpoint, to the bit.
 * @throws GradiographError where more epochs are trained than the recipe has
 */
export async function goOn(
  checkpoint: Checkpoint,
  training: Training,
  { epochs }: Recipe,
): Promise<FitState> {
  const state = await checkpoint.restore(training);
  const done = state.history.length + (state.unfinished ? 1 : 0);
  if (done > epochs)
    throw new GradiographError(
      `--epochs ${epochs}: ${state.history.length} are trained ${state.unfinished ? 'and another begun' : 'already'}`,
    );
  const { scheduler } = training;
  if (scheduler instanceof optim.LRScheduler) {
    const { lastEpoch } = scheduler;
    scheduler.restart();
    for (let step = 0; step < lastEpoch; step++) scheduler.step();
  }
  return state;
}
