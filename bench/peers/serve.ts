/** A contestant's process: requests come as lines of JSON on its standard input, replies go as such. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Contestant, Stage } from './stage.ts';
import { type Hello, MARK, type Reply, type Request } from './task.ts';

export function serve(contestant: Contestant): Promise<void> {
  const stage = new Stage(contestant, () => process.resourceUsage().maxRSS * 1024);
  return serveLines(stage.hello, (request) => stage.answer(request));
}

export async function serveLines(hello: Hello, answer: (request: Request) => Promise<Reply>): Promise<void> {
  const say = (reply: Reply) => process.stdout.write(`\n${MARK}${JSON.stringify(reply)}\n`);
  say({ hello });
  for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)));
  process.exit();
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
