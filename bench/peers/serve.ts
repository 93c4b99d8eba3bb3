/** The contestant's side of the match: requests come as lines of JSON, replies go as such. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Hello, MARK, type Reply, type Request, type TaskWithModel } from './task.ts';

/** The library has no way to do a task; the message is what the table then shows. */
export class Cannot extends Error {}

export interface Opened {
  /** Does it once; resolves when the result is there. */
  run(): Promise<void>;
  /** The result's values, where contestants can be compared by them. */
  result?(): Promise<ArrayLike<number>>;
  close?(): void;
}

export interface Contestant extends Hello {
  open(task: TaskWithModel): Promise<Opened>;
}

export async function serve(contestant: Contestant): Promise<void> {
  const say = (reply: Reply) => process.stdout.write(`\n${MARK}${JSON.stringify(reply)}\n`);
  let opened: Opened | null = null;
  say({ hello: { version: contestant.version, detail: contestant.detail } });
  for await (const line of createInterface({ input: process.stdin })) {
    const request: Request = JSON.parse(line);
    if ('open' in request) {
      try {
        opened = await contestant.open(request.open);
        const first = await time(opened, 1);
        const second = await time(opened, 1);
        say({ first, second, rms: opened.result ? rootMeanSquare(await opened.result()) : null });
      } catch (error) {
        say({ cannot: error instanceof Cannot ? error.message : `failed: ${(error as Error).message}` });
      }
    } else if ('run' in request) {
      if (!opened) throw new Error('asked to run before anything was opened');
      const ms = await time(opened, request.run);
      say({ ms, residentBytes: process.resourceUsage().maxRSS * 1024 });
    } else {
      opened?.close?.();
      opened = null;
      say({ closed: true });
    }
  }
  process.exit();
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

/** The version of an installed package, of the peers' or of the root's. @throws Error where it is not installed */
export function versionOf(name: string): string {
  for (const folder of ['node_modules', '../../node_modules']) {
    try {
      return JSON.parse(readFileSync(new URL(`${folder}/${name}/package.json`, import.meta.url), 'utf8'))
        .version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${name} is not installed`);
}

/** An installed package, of which the contestant says itself what it uses: the root does not depend on its types. */
export async function load<T>(name: string): Promise<T> {
  const module = await import(name);
  return module.default ?? module;
}
