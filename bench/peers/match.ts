/** Plays a task: every contestant in turn, round after round, within the task's share of the time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Budget } from '../measure/budget.ts';
import { digits, summarize } from '../measure/statistics.ts';
import type { Player } from './player.ts';
import { type Cell, withBatch } from './record.ts';
import type { Task } from './task.ts';

export type Contender = Pick<Player, 'name' | 'open' | 'run' | 'close'>;

export interface MatchOptions {
  /** The most turns of each contestant. */
  readonly rounds: number;
  /** Seconds for all turns of all contestants. */
  readonly seconds: number;
  /** What a run of the task will take a contestant, as far as is known. */
  readonly expected: (name: string, task: Task) => number;
}

/** A tenth of a second, in which threads that spin for work come to rest. */
const PAUSE = 0.1;
/** A contestant that is slow to begin gets so many shares of what time is left for that before it is ended. */
const LENIENCE = 1.5;
/** Seconds that each may take to begin, however late it is. */
const LEAST = 2;
const TOLERANCE = 1e-3;
/** Short runs are timed in groups of about so many milliseconds; after a first call longer than this nothing is left to warm up. */
const GROUP = 50;
const LONG = 1000;

interface Turn {
  readonly player: Contender;
  readonly batch: number;
  /** Milliseconds of the first call, and of the later ones. */
  readonly first: number;
  readonly times: number[];
  residentBytes: number | null;
  secondsLeft: number;
}

/** Half of the time is for the contestants' beginnings, so that each has some left for its turns. */
export async function play(
  players: readonly Contender[],
  task: Task,
  model: string,
  { rounds, seconds, expected }: MatchOptions,
): Promise<Record<string, Cell>> {
  const cells: Record<string, Cell> = {};
  const time = new Budget(seconds, 1);
  const beginnings = new Budget(seconds / 2, players.length);
  const turns: Turn[] = [];
  let rms: number | null = null;
  for (const player of players) {
    const limit = Math.max(LENIENCE * beginnings.take(), seconds / players.length, LEAST);
    const batch = affordableBatch(task, limit, (smaller) => expected(player.name, smaller));
    const own = withBatch(task, batch);
    const guess = expected(player.name, own);
    if (guess > limit) {
      cells[player.name] = { note: `left out: some ${digits(guess)} s${batchNote(task, batch)}` };
      continue;
    }
    const opened = await player.open({ ...own, model }, limit);
    if ('note' in opened) {
      cells[player.name] = 'seconds' in opened ? { ...opened, batch } : opened;
      continue;
    }
    rms ??= opened.rms;
    if (rms !== null && opened.rms !== null && !(Math.abs(opened.rms / rms - 1) < TOLERANCE)) {
      cells[player.name] = {
        note: `another result: RMS ${opened.rms.toPrecision(5)}, not ${rms.toPrecision(5)}`,
      };
      await player.close();
      continue;
    }
    const { first, residentBytes } = opened;
    turns.push({ player, batch, first, times: [], residentBytes, secondsLeft: 0 });
  }
  for (const turn of turns) turn.secondsLeft = time.secondsLeft / turns.length;
  for (let round = 0; round <= rounds; round++) {
    for (const turn of turns) if (!cells[turn.player.name]) await take(turn, round, cells);
  }
  for (const { player, first, times, residentBytes, batch } of turns) {
    const warm = first < LONG && times.length > 1 ? times.slice(1) : times;
    const sample = summarize(warm.length ? warm : [first]);
    cells[player.name] ??= { sample, isFirstCall: times.length === 0, residentBytes, batch };
    await player.close();
  }
  return cells;
}

/** Round 0 warms up, where the first call was short. Later ones repeat short runs. */
async function take(turn: Turn, round: number, cells: Record<string, Cell>): Promise<void> {
  const start = performance.now();
  const ms = turn.times[turn.times.length - 1] ?? turn.first;
  const repeats = round === 0 ? 1 : Math.min(100, Math.max(1, Math.ceil(GROUP / ms)));
  if ((ms * repeats) / 1000 > turn.secondsLeft) return;
  await sleep(1000 * PAUSE);
  const result = await turn.player.run(repeats, LENIENCE * turn.secondsLeft + 1);
  if ('note' in result) {
    cells[turn.player.name] = result;
    return;
  }
  turn.times.push(result.ms);
  turn.residentBytes = result.residentBytes;
  turn.secondsLeft -= (performance.now() - start) / 1000;
}

/** A network's batch, halved until its first run should take half of what it may at most. */
function affordableBatch(task: Task, limit: number, expected: (task: Task) => number): number {
  if (task.kind === 'kernel') return task.batch;
  let { batch } = task;
  while (batch > 1 && expected(withBatch(task, batch)) > limit / 2) batch = Math.ceil(batch / 2);
  return batch;
}

const batchNote = (task: Task, batch: number): string => (batch < task.batch ? `, batch ${batch}` : '');
