/** The coordinator's picture of a contestant, whose process it starts when it is needed. */
import type { ContestantEntry } from './contestants.ts';
import { PeerProcess } from './process.ts';
import type { Contestant, Missing } from './record.ts';
import type { Hello, Reply, Request, TaskWithModel } from './task.ts';

export class Player {
  readonly name: string;
  /** What it says of itself, or why it does not play. */
  hello: Hello | string;
  readonly #entry: ContestantEntry;
  #process: PeerProcess | null = null;

  constructor(entry: ContestantEntry) {
    this.name = entry.name;
    this.hello = `absent: needs ${entry.needs}`;
    this.#entry = entry;
  }

  get description(): Contestant {
    return { name: this.name, place: this.#entry.place, hello: this.hello };
  }

  /** Starts the process where none runs. Returns whether there is one. */
  async start(): Promise<boolean> {
    if (this.#process) return true;
    if (!this.#entry.command) return false;
    try {
      this.#process = await PeerProcess.start(this.#entry.command);
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

  /** Prepares a task and does it once. */
  async open(task: TaskWithModel, seconds: number): Promise<Extract<Reply, { first: number }> | Missing> {
    const start = performance.now();
    if (!(await this.start())) return { note: 'absent' };
    const left = Math.max(1, seconds - (performance.now() - start) / 1000);
    const reply = await this.#ask({ open: task }, left);
    if ('note' in reply) return reply;
    if ('cannot' in reply) return { note: reply.cannot };
    if (!('first' in reply)) throw new Error(`${this.name} answered ${JSON.stringify(reply)}`);
    return reply;
  }

  /** Milliseconds of each of so many runs. */
  async run(times: number, seconds: number): Promise<Extract<Reply, { ms: number }> | Missing> {
    const reply = await this.#ask({ run: times }, seconds);
    if ('note' in reply || 'ms' in reply) return reply;
    throw new Error(`${this.name} answered ${JSON.stringify(reply)}`);
  }

  async close(): Promise<void> {
    if (this.#process) await this.#ask({ close: true }, SECONDS_TO_CLOSE);
  }

  /** A process that fails or is too slow is ended, and started again for the next task. */
  async #ask(request: Request, seconds: number): Promise<Reply | Missing> {
    if (!this.#process) return { note: 'absent' };
    try {
      const reply = await this.#process.ask(request, seconds);
      if (reply) return reply;
      this.#process = null;
      return { note: `not done in ${seconds.toFixed(0)} s`, seconds };
    } catch (error) {
      await this.stop();
      return { note: `failed: ${(error as Error).message}` };
    }
  }
}

const SECONDS_TO_CLOSE = 10;
