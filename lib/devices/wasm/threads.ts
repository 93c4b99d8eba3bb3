import { DeviceError } from '../../errors.ts';

/**
 * The start of the memory, in 32-bit words: how the calling thread and the workers meet.
 *
 * A launch is published by TASKS = 0, then what it is, then TICKET = launch number * 4096, then its TASKS, then
 * GENERATION. A thread claims a task by raising TICKET by one while it still holds what the thread read before TASKS:
 * a claim holds the launch open, and a late thread cannot touch the next one. DONE counts the finished tasks.
 */
const WORD = {
  generation: 0,
  ticket: 16,
  done: 32,
  tasks: 48,
  kernel: 49,
  code: 50,
  codeBytes: 51,
  sleepers: 64,
  failures: 80,
  failureLength: 81,
  failureText: 82,
} as const;
const TASK_BITS = 12;
const LAUNCH_MASK = (1 << (31 - TASK_BITS)) - 1;
const FAILURE_BYTES = 640;
const SPINS = 20_000;

/** Most tasks of one launch: the caller's last, failed claim must not overflow into the launch number. */
export const MAX_TASKS = (1 << TASK_BITS) - 2;
/** Kernel number that ends the workers. */
const QUIT = -1;

export type RunTask = (task: number, thread: number) => void;

/**
 * A worker, as text: it must stand alone, evaluated from a string in Node and from a Blob in a browser. It compiles
 * a kernel from its bytes in the shared memory when it first meets it, and never goes back to its event loop.
 */
const WORKER = `
const serve = ({ memory, micro, thread, WORD, TASK_BITS, SPINS, QUIT, FAILURE_BYTES }, ready) => {
  const control = new Int32Array(memory.buffer, 0, 256);
  const env = { memory, pow: Math.pow };
  Object.assign(env, new WebAssembly.Instance(micro, { env }).exports);
  const kernels = new Map();
  const kernelOf = (id) => {
    const code = control[WORD.code] >>> 0;
    const bytes = new Uint8Array(memory.buffer, code, control[WORD.codeBytes]).slice();
    const run = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports.run;
    kernels.set(id, run);
    return run;
  };
  const fail = (error) => {
    const text = new TextEncoder().encode(String(error)).subarray(0, FAILURE_BYTES);
    if (Atomics.add(control, WORD.failures, 1) > 0) return;
    new Uint8Array(memory.buffer, WORD.failureText * 4, text.length).set(text);
    Atomics.store(control, WORD.failureLength, text.length);
  };
  let seen = Atomics.load(control, WORD.generation);
  ready();
  for (;;) {
    let spins = 0;
    while (Atomics.load(control, WORD.generation) === seen) {
      if (++spins < SPINS) continue;
      Atomics.add(control, WORD.sleepers, 1);
      Atomics.wait(control, WORD.generation, seen);
      Atomics.sub(control, WORD.sleepers, 1);
      spins = 0;
    }
    seen = Atomics.load(control, WORD.generation);
    for (;;) {
      const ticket = Atomics.load(control, WORD.ticket);
      const task = ticket & ((1 << TASK_BITS) - 1);
      const id = Atomics.load(control, WORD.kernel);
      if (id === QUIT) return;
      const tasks = Atomics.load(control, WORD.tasks);
      if (task >= tasks) break;
      if (Atomics.compareExchange(control, WORD.ticket, ticket, ticket + 1) !== ticket) continue;
      try {
        (kernels.get(id) ?? kernelOf(id))(task, thread);
      } catch (error) {
        fail(error);
      }
      if (Atomics.add(control, WORD.done, 1) + 1 === tasks) Atomics.notify(control, WORD.done);
    }
  }
};
if (typeof require === 'function') {
  const { parentPort, workerData } = require('node:worker_threads');
  serve(workerData, () => parentPort.postMessage('ready'));
} else {
  onmessage = ({ data }) => serve(data, () => postMessage('ready'));
}
`;

interface PoolWorker {
  /** Resolves when the worker serves. */
  readonly ready: Promise<void>;
  terminate(): unknown;
}

type StartWorker = (data: unknown) => PoolWorker;

/** The threads of a device: the caller's and workers, over one shared memory. */
export class ThreadPool {
  readonly threads: number;
  readonly #workers: readonly PoolWorker[];
  readonly #control: Int32Array;
  readonly #mayWait: boolean;
  #launch = 0;

  private constructor(memory: WebAssembly.Memory, workers: readonly PoolWorker[]) {
    this.threads = workers.length + 1;
    this.#workers = workers;
    this.#control = new Int32Array(memory.buffer, 0, 256);
    this.#mayWait = typeof document === 'undefined';
  }

  /** Starts `threads - 1` workers. `micro` is the module of micro-kernel.ts. */
  static async start(
    threads: number,
    memory: WebAssembly.Memory,
    micro: WebAssembly.Module,
  ): Promise<ThreadPool> {
    if (threads === 1) return new ThreadPool(memory, []);
    const startWorker = await workerStarter();
    const workers = Array.from({ length: threads - 1 }, (_, i) =>
      startWorker({ memory, micro, thread: i + 1, WORD, TASK_BITS, SPINS, QUIT, FAILURE_BYTES }),
    );
    await Promise.all(workers.map(({ ready }) => ready));
    return new ThreadPool(memory, workers);
  }

  /** Runs tasks 0 to `tasks - 1` of a kernel on all threads, and returns when all are done. */
  run(run: RunTask, kernel: number, code: number, codeBytes: number, tasks: number): void {
    if (tasks === 1 || this.threads === 1) {
      for (let task = 0; task < tasks; task++) run(task, 0);
      return;
    }
    const control = this.#control;
    this.#launch = (this.#launch + 1) & LAUNCH_MASK;
    const first = this.#launch << TASK_BITS;
    Atomics.store(control, WORD.tasks, 0);
    Atomics.store(control, WORD.kernel, kernel);
    Atomics.store(control, WORD.code, code | 0);
    Atomics.store(control, WORD.codeBytes, codeBytes);
    Atomics.store(control, WORD.done, 0);
    Atomics.store(control, WORD.ticket, first);
    Atomics.store(control, WORD.tasks, tasks);
    Atomics.add(control, WORD.generation, 1);
    if (Atomics.load(control, WORD.sleepers) > 0) Atomics.notify(control, WORD.generation);
    let failure: unknown = null;
    for (;;) {
      const task = Atomics.add(control, WORD.ticket, 1) - first;
      if (task >= tasks) break;
      try {
        run(task, 0);
      } catch (error) {
        failure ??= error;
      }
      Atomics.add(control, WORD.done, 1);
    }
    this.#awaitDone(tasks);
    const workersFailed = Atomics.exchange(control, WORD.failures, 0) > 0;
    if (failure) throw failure;
    if (workersFailed) throw this.#workerFailure();
  }

  #awaitDone(tasks: number): void {
    for (let spins = 0; ; spins++) {
      const done = Atomics.load(this.#control, WORD.done);
      if (done === tasks) return;
      if (spins > SPINS && this.#mayWait) Atomics.wait(this.#control, WORD.done, done, 10);
    }
  }

  #workerFailure(): DeviceError {
    const length = this.#control[WORD.failureLength];
    const bytes = new Uint8Array(this.#control.buffer, WORD.failureText * 4, length).slice();
    return new DeviceError(`wasm: a worker thread failed: ${new TextDecoder().decode(bytes)}`);
  }

  async stop(): Promise<void> {
    if (!this.#workers.length) return;
    Atomics.store(this.#control, WORD.kernel, QUIT);
    Atomics.add(this.#control, WORD.generation, 1);
    Atomics.notify(this.#control, WORD.generation);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function workerStarter(): Promise<StartWorker> {
  if (typeof process !== 'undefined' && process.versions?.node) {
    const { Worker: NodeWorker } = await import('../node.ts');
    return (workerData) => {
      const worker = new NodeWorker(WORKER, { eval: true, workerData, execArgv: [] });
      const ready = new Promise<void>((resolve, reject) => {
        worker.once('message', () => {
          worker.unref();
          resolve();
        });
        worker.once('error', (cause) =>
          reject(new DeviceError(`wasm: a worker did not start: ${cause.message}`, { cause })),
        );
      });
      return { ready, terminate: () => worker.terminate() };
    };
  }
  return (data) => {
    const url = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));
    const worker = new Worker(url);
    const ready = new Promise<void>((resolve, reject) => {
      worker.onmessage = () => {
        URL.revokeObjectURL(url);
        resolve();
      };
      worker.onerror = (event) => reject(new DeviceError(`wasm: a worker did not start: ${event.message}`));
    });
    worker.postMessage(data);
    return { ready, terminate: () => worker.terminate() };
  };
}
