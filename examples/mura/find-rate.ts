/** `mura-train --find-lr`: how the loss goes as the learning rate grows, and the rate where it falls most steeply. */
import { GradiographError } from '../../lib/index.ts';
import { findLearningRate, formatTable, lockFolder } from '../../lib/node.ts';
import { buildOptimizer } from './build.ts';
import type { Context } from './experiment.ts';
import { openData } from './open-data.ts';
import type { Run, Settings } from './options.ts';
import { startModel, trainLoader } from './train-network.ts';

/** How many of the tried rates are printed. */
const LINES = 20;

/** @throws the signal's reason, when it is aborted */
export async function findRate(settings: Settings, run: Run, { progress, signal }: Context): Promise<void> {
  const { data, recipe, seed, pretrained } = settings;
  await using _folder = data === null ? await lockFolder(run.out) : null; // a set is drawn there
  await using opened = await openData(settings, { ...run, leftOut: null, progress, signal });
  await opened.checked();
  const model = await startModel(settings, progress);
  await using loader = trainLoader(opened.sets.train, recipe, seed, run.workers);
  const optimizer = buildOptimizer(model, recipe, pretrained !== null);
  const { points, suggestion } = await findLearningRate(model, loader, {
    optimizer,
    onStep: ({ lr, smoothed }, part) => {
      signal.throwIfAborted();
      progress.update(
        'finding the learning rate',
        part,
        `${lr.toExponential(1)}: loss ${smoothed.toFixed(3)}`,
      );
    },
  });
  const every = Math.ceil(points.length / LINES);
  const shown = points.filter((_, i) => i % every === 0);
  const rows = shown.map(({ lr, smoothed }) => [lr.toExponential(1), smoothed.toFixed(3)]);
  progress.print(formatTable([['learning rate', 'loss'], ...rows]));
  if (suggestion === null) throw new GradiographError('--find-lr: the loss fell at no learning rate');
  progress.print(`\nsuggestion: --lr ${suggestion.toExponential(1)}, where the loss falls most steeply`);
}
