/** Plays tasks: every contestant in turn, round after round. */
import { setTimeout as sleep } from 'node:timers/promises';
import { flopsOf } from '../network.ts';
import { conv2d, convName } from '../shapes.ts';
import { digits, type Sample, summarize } from '../statistics.ts';
import type { ContestantEntry } from './contestants.ts';
import { PeerProcess } from './process.ts';
import type { Hello, Task, TaskWithModel } from './task.ts';

/** What a contestant made of a task: milliseconds and memory, or why there are none. */
export type Outcome = { readonly sample: Sample; readonly residentBytes: number } | { readonly note: string };

export interface MatchOptions {
  readonly threads: number;
  readonly rounds: number;
  /** Seconds that one run may take. */
  readonly patience: number;
}

/** A tenth of a second, in which threads that spin for work come to rest. */
const PAUSE = 100;
/** Short runs are timed in groups of about so many milliseconds. */
const GROUP = 50;
/** To open a task, a contestant runs it three times: cold, warm, and for its result. */
const RUNS_TO_OPEN = 3;
const TOLERANCE = 1e-3;

export function flops(task: Task): number {
  if (task.kind === 'network') return flopsOf(task);
  if (task.kind === 'gemm') return 2 * task.size ** 3;
  const g = conv2d(task.shape, task.batch);
  return (
    2 * g.batch * g.outChannels * g.outHeight * g.outWidth * g.inChannels * g.kernelHeight * g.kernelWidth
  );
}

export function nameOf(task: Task): string {
  if (task.kind === 'gemm') return `GEMM ${task.size}`;
  if (task.kind === 'conv2d') return `${convName(task.shape)} ${task.pass}`;
  return `${task.network} ${task.mode}, batch ${task.batch}`;
}

export class Player {
  readonly name: string;
  /** What it says of itself, or why it does not play. */
  hello: Hello | string;
  readonly outcomes = new Map<Task, Outcome>();
  readonly #entry: ContestantEntry;
  readonly #options: MatchOptions;
  /** Seconds of a run of each task so far, or, where it was ended before, those that it had. */
  readonly #spent = new Map<Task, number>();
  #process: PeerProcess | null = null;
  #repeats = 1;

  constructor(entry: ContestantEntry, options: MatchOptions) {
    this.name = entry.name;
    this.hello = `absent: needs ${entry.needs ?? 'bench/peers to be installed'}`;
    this.#entry = entry;
    this.#options = options;
  }

  /** Starts the process where none runs. Returns whether there is one. */
  async start(): Promise<boolean> {
    if (this.#process) return true;
    const command = this.#entry.command(this.#options.threads);
    if (!command) return false;
    try {
      this.#process = await PeerProcess.start(command);
      this.hello = this.#process.hello;
    } catch (error) {
      this.hello = `absent: ${(error as Error).message}`;
    }
    return this.#process !== null;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = null;
  }

  /** Prepares a task and warms it up; returns milliseconds of a run and the result's size, or notes why not. */
  async open(task: TaskWithModel, key: Task): Promise<{ ms: number; rms: number | null } | null> {
    const expected = this.#expectedSeconds(key);
    if (expected > this.#options.patience) {
      return this.#note(key, `left out: about ${digits(expected)} s`);
    }
    if (!(await this.start()) || !this.#process) return this.#note(key, 'absent');
    const limit = RUNS_TO_OPEN * this.#options.patience;
    const reply = await this.#ask({ open: task }, limit);
    if (!reply) this.#spent.set(key, limit / RUNS_TO_OPEN);
    if (!reply) return this.#note(key, `not done in ${limit} s`);
    if (typeof reply === 'string') return this.#note(key, reply);
    if ('cannot' in reply) return this.#note(key, reply.cannot);
    if (!('second' in reply)) throw new Error(`${this.name} answered ${JSON.stringify(reply)}`);
    this.#spent.set(key, reply.second / 1000);
    this.#repeats = Math.min(100, Math.max(1, Math.ceil(GROUP / reply.second)));
    return { ms: reply.second, rms: reply.rms };
  }

  /** Milliseconds of a run, or null with a note where it failed. */
  async run(key: Task): Promise<{ ms: number; residentBytes: number } | null> {
    const limit = RUNS_TO_OPEN * this.#options.patience;
    const reply = await this.#ask({ run: this.#repeats }, limit);
    if (!reply) return this.#note(key, `not done in ${limit} s`);
    if (typeof reply === 'string') return this.#note(key, reply);
    if (!('ms' in reply)) throw new Error(`${this.name} answered ${JSON.stringify(reply)}`);
    return reply;
  }

  async close(): Promise<void> {
    if (this.#process) await this.#ask({ close: true }, this.#options.patience);
  }

  #note(key: Task, note: string): null {
    this.outcomes.set(key, { note });
    return null;
  }

  /** A reply; a note in its place where the process failed, and null where it was too slow. */
  async #ask(...[request, seconds]: Parameters<PeerProcess['ask']>) {
    try {
      const reply = (await this.#process?.ask(request, seconds)) ?? null;
      if (!reply) this.#process = null;
      return reply;
    } catch (error) {
      await this.stop();
      return `failed: ${(error as Error).message}`;
    }
  }

  /** What a task will take at the speed of the convolutions so far, those of its own pass; 0 where none was measured. */
  #expectedSeconds(task: Task): number {
    const alike = [...this.#spent].filter(
      ([done]) =>
        done.kind === 'conv2d' &&
        (task.kind === 'conv2d'
          ? done.pass === task.pass
          : task.kind === 'network' && (task.mode === 'training' || done.pass === 'forward')),
    );
    const seconds = alike.reduce((total, [, spent]) => total + spent, 0);
    const work = alike.reduce((total, [done]) => total + flops(done), 0);
    return work ? (flops(task) * seconds) / work : 0;
  }
}

/** One task: all open it, then take turns, so that whatever else the machine does hits all alike. */
export async function play(
  players: readonly Player[],
  task: Task,
  model: string,
  { rounds, patience }: MatchOptions,
): Promise<void> {
  // Networks get processes of their own: their peak memory is asked for.
  if (task.kind === 'network') await Promise.all(players.map((player) => player.stop()));
  const playing: { player: Player; times: number[]; rounds: number; residentBytes: number }[] = [];
  let rms: number | null = null;
  for (const player of players) {
    const opened = await player.open({ ...task, model }, task);
    if (!opened) continue;
    rms ??= opened.rms;
    if (rms !== null && opened.rms !== null && !(Math.abs(opened.rms / rms - 1) < TOLERANCE)) {
      player.outcomes.set(task, { note: `another result: RMS ${opened.rms}, not ${rms}` });
      continue;
    }
    const own = opened.ms > (1000 * patience) / rounds ? 1 : rounds;
    playing.push({ player, times: [], rounds: own, residentBytes: 0 });
  }
  for (let round = 0; round < rounds; round++) {
    for (const turn of playing) {
      if (round >= turn.rounds) continue;
      await sleep(PAUSE);
      const result = await turn.player.run(task);
      if (!result) turn.rounds = 0;
      else {
        turn.times.push(result.ms);
        turn.residentBytes = Math.max(turn.residentBytes, result.residentBytes);
      }
    }
  }
  for (const { player, times, rounds: finished, residentBytes } of playing) {
    if (finished > 0) player.outcomes.set(task, { sample: summarize(times), residentBytes });
    await player.close();
  }
}
