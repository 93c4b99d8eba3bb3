import type { Worker } from 'node:worker_threads';
import { host } from '../devices/host.ts';
import * as errors from '../errors.ts';
import { warnOfCache } from './cache-warning.ts';
import type { Image } from './image.ts';
import type { Reading } from './image-reader.ts';
import type { BatchJob, BatchResult, ReadJob, Request, Response } from './worker.ts';

/**
 * What a worker runs first, as text: a worker does not inherit the loader that runs this file when it is TypeScript
 * source, and registers it anew. The package holds JavaScript, and needs none.
 */
const START = `
const { workerData } = require('node:worker_threads');
const start = async ({ loader, module }) => {
  if (loader) (await import(loader)).register();
  await import(module);
};
start(workerData);`;

interface Pending {
  readonly resolve: (result: Image | BatchResult) => void;
  readonly reject: (error: Error) => void;
}

interface Lane {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

/** The pools in use, by their number of workers. */
const pools = new Map<number, Promise<WorkerPool>>();

/**
 * Worker threads that read images and make batches. Those who ask for the same number share the same threads. A
 * thread keeps the process alive only while it has a job: forgotten ones end with the process, however it ends.
 */
export class WorkerPool {
  readonly #workers: number;
  readonly #lanes: Lane[];
  #users = 0;
  #jobs = 0;
  #ended: Error | null = null;

  private constructor(workers: number, Thread: typeof Worker) {
    this.#workers = workers;
    this.#lanes = Array.from({ length: workers }, () => this.#startLane(Thread));
  }

  /** A pool of so many workers; `release` it once. @throws GradiographError where there are no worker threads, as in a page */
  static async acquire(workers: number): Promise<WorkerPool> {
    const opened = pools.get(workers) ?? WorkerPool.#open(workers);
    pools.set(workers, opened);
    const pool = await opened;
    if (pool.#ended) return WorkerPool.acquire(workers);
    pool.#users++;
    return pool;
  }

  static async #open(workers: number): Promise<WorkerPool> {
    if (host === 'browser') {
      throw new errors.GradiographError('data workers: there are none outside Node; use workers: 0');
    }
    const { Worker } = await import('../devices/node.ts');
    return new WorkerPool(workers, Worker);
  }

  /** Ends the threads when nobody else uses them; jobs that are still open then fail. */
  async release(): Promise<void> {
    this.#users--;
    if (this.#users === 0)
      await this.#end(new errors.GradiographError('data workers: closed with jobs open'));
  }

  /** Reads one image. @throws what `ImageReader.read` throws */
  read(path: string, reading: Reading): Promise<Image> {
    const job: ReadJob = { path, reading };
    return this.#run(job) as Promise<Image>;
  }

  batch(job: BatchJob): Promise<BatchResult> {
    return this.#run(job) as Promise<BatchResult>;
  }

  #run(job: ReadJob | BatchJob): Promise<Image | BatchResult> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const lane = this.#lanes.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
      const request: Request = { id: this.#jobs++, job };
      lane.worker.postMessage(request);
      lane.worker.ref();
      lane.pending.set(request.id, { resolve, reject });
    });
  }

  #startLane(Thread: typeof Worker): Lane {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const worker = new Thread(START, {
      eval: true,
      execArgv: [],
      workerData: {
        module: new URL(`./worker${extension}`, import.meta.url).href,
        loader: extension === '.ts' && host === 'node' ? import.meta.resolve('tsx/esm/api') : null,
      },
    });
    worker.unref();
    const lane: Lane = { worker, pending: new Map() };
    worker.on('message', (response: Response) => settle(lane, response));
    worker.on('error', (cause) => {
      this.#end(new errors.GradiographError(`data workers: one ended: ${cause.message}`, { cause }));
    });
    worker.on('exit', (code) => {
      this.#end(new errors.GradiographError(`data workers: one exited with code ${code}, and no error`));
    });
    return lane;
  }

  async #end(reason: Error): Promise<void> {
    if (this.#ended) return;
    this.#ended = reason;
    pools.delete(this.#workers);
    for (const { pending } of this.#lanes) for (const { reject } of pending.values()) reject(reason);
    await Promise.all(
      this.#lanes.map(({ worker }) => {
        worker.removeAllListeners('message'); // a last answer would let go of the thread again
        worker.ref(); // or the process, with nothing else to wait for, would end in the midst of this
        return worker.terminate();
      }),
    );
  }
}

function settle({ worker, pending }: Lane, response: Response): void {
  if ('cacheFault' in response) {
    warnOfCache(response.cacheFault);
    return;
  }
  const job = pending.get(response.id);
  pending.delete(response.id);
  if (pending.size === 0) worker.unref();
  if ('failure' in response) job?.reject(revive(response.failure));
  else job?.resolve(response.result);
}

/** An error of another thread, of the class it had there. */
function revive({ name, message, stack }: { name: string; message: string; stack?: string }): Error {
  const known = errors as unknown as Record<string, new (message: string) => Error>;
  const error = Object.hasOwn(known, name) ? new known[name](message) : new Error(message);
  return Object.assign(error, { stack });
}
