/** A contestant's part: it answers the coordinator's requests one at a time, in Node or in a page. */
import type { Hello, Reply, Request, TaskWithModel } from './task.ts';

/** The library has no way to do a task; the message is what the table then shows. */
export class Cannot extends Error {}

export interface Opened {
  /** Does it once; resolves when the result is there. */
  run(): Promise<void>;
  /** The values of the last run's result, where contestants can be compared by them. */
  result?(): Promise<ArrayLike<number>>;
  close?(): void;
}

export interface Contestant extends Hello {
  open(task: TaskWithModel): Promise<Opened>;
}

export class Stage {
  readonly #contestant: Contestant;
  readonly #residentBytes: () => number | null;
  #opened: Opened | null = null;

  /** @param residentBytes the process's peak, null where it cannot be had */
  constructor(contestant: Contestant, residentBytes: () => number | null) {
    this.#contestant = contestant;
    this.#residentBytes = residentBytes;
  }

  get hello(): Hello {
    const { version, detail } = this.#contestant;
    return { version, detail };
  }

  /** @throws Error of the library's own where a run fails */
  async answer(request: Request): Promise<Reply> {
    if ('open' in request) return this.#open(request.open);
    if ('run' in request) {
      if (!this.#opened) throw new Error('asked to run before anything was opened');
      const ms = await time(this.#opened, request.run);
      return { ms, residentBytes: this.#residentBytes() };
    }
    this.#opened?.close?.();
    this.#opened = null;
    return { closed: true };
  }

  async #open(task: TaskWithModel): Promise<Reply> {
    try {
      this.#opened = await this.#contestant.open(task);
      const first = await time(this.#opened, 1);
      const values = await this.#opened.result?.();
      const rms = values ? rootMeanSquare(values) : null;
      return { first, rms, residentBytes: this.#residentBytes() };
    } catch (error) {
      return { cannot: error instanceof Cannot ? error.message : `failed: ${(error as Error).message}` };
    }
  }
}

async function time({ run }: Opened, times: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < times; i++) await run();
  return (performance.now() - start) / times;
}

function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum / values.length);
}
