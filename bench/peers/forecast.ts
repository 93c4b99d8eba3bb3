/** How long a contestant will take for a task, from what it did before. */
import { isMeasured, type MatchRecord, withBatch } from './record.ts';
import { flops, type Task } from './task.ts';

/** Seconds of a run; 0 where nothing is known. What was not done in time counts as done in that. */
export function expectedSeconds(record: MatchRecord, name: string, task: Task): number {
  const runs = record.rows.flatMap(({ task: done, cells }) => {
    const cell = cells[name];
    if (!cell || flops(done) === 0) return [];
    if (isMeasured(cell)) return [{ done: withBatch(done, cell.batch), seconds: cell.sample.median / 1000 }];
    return cell.seconds && cell.batch ? [{ done: withBatch(done, cell.batch), seconds: cell.seconds }] : [];
  });
  const alike = [isOfOneKind, isOfOnePass]
    .map((match) => runs.filter(({ done }) => match(done, task)))
    .find((matches) => matches.length > 0);
  if (!alike) return 0;
  const seconds = alike.reduce((total, run) => total + run.seconds, 0);
  const work = alike.reduce((total, { done }) => total + flops(done), 0);
  return (flops(task) * seconds) / work;
}

function isOfOneKind(done: Task, task: Task): boolean {
  if (done.kind === 'network') return task.kind === 'network' && done.mode === task.mode;
  return task.kind === 'kernel' && done.kernel === task.kernel && done.pass === task.pass;
}

/** A network's forward pass is mostly convolutions' forward passes, its training all three. */
function isOfOnePass(done: Task, task: Task): boolean {
  if (done.kind === 'network' || task.kind === 'kernel') return false;
  return done.kernel === 'conv2d' && (task.mode === 'training' || done.pass === 'forward');
}
