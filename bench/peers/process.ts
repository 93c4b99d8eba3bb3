/** The coordinator's side of the match: a contestant in a process of its own, which answers one request at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Hello, MARK, type Reply, type Request } from './task.ts';

const SECONDS_TO_END = 3;

export class PeerProcess {
  readonly hello: Hello;
  readonly #child: ChildProcess;
  readonly #replies: AsyncIterator<Reply>;

  private constructor(hello: Hello, child: ChildProcess, replies: AsyncIterator<Reply>) {
    this.hello = hello;
    this.#child = child;
    this.#replies = replies;
  }

  /** @throws Error with what the process wrote where it does not say hello */
  static async start(command: readonly string[]): Promise<PeerProcess> {
    const [file, ...args] = command;
    const child = spawn(file, args, {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => {});
    const errors: string[] = [];
    child.stderr.on('data', (chunk) => errors.push(String(chunk)));
    const failure = once(child, 'error').then(([error]): never => {
      throw error;
    });
    const replies = repliesOf(child, errors);
    const { value } = await Promise.race([replies.next(), failure]);
    failure.catch(() => {});
    if (!value || !('hello' in value)) throw new Error(`expected hello, got ${JSON.stringify(value)}`);
    return new PeerProcess(value.hello, child, replies);
  }

  /**
   * The answer to a request, or null where it took too long: the process is then ended.
   * @throws Error with what the process wrote where it ended without an answer
   */
  async ask(request: Request, seconds: number): Promise<Reply | null> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, 1000 * seconds, null);
    });
    const answer = this.#replies.next();
    const reply = await Promise.race([answer, late]);
    clearTimeout(timer);
    if (reply) return reply.value;
    answer.catch(() => {});
    await this.stop();
    return null;
  }

  /** Asked first, so that one with a browser can end that too. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), SECONDS_TO_END * 1000);
    await exit;
    clearTimeout(timer);
  }
}

async function* repliesOf(child: ChildProcess, errors: readonly string[]): AsyncGenerator<Reply, never> {
  if (!child.stdout) throw new Error('no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith(MARK)) yield JSON.parse(line.slice(MARK.length));
  }
  const lines = errors.join('').trim().split('\n');
  throw new Error(
    lines.findLast((line) => /Error/.test(line)) ?? lines[lines.length - 1] ?? 'the process ended',
  );
}
