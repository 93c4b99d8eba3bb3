/** Runs an example as its user would, in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = mkdtempSync(join(tmpdir(), 'gradiograph-cache-'));
process.on('exit', () => rmSync(cache, { recursive: true }));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** stdout and stderr together. */
  readonly output: string;
}

/**
 * @param name the file in examples/, without `.ts`
 * @param interrupt calls `act` once the output matches it
 * @param act default: Ctrl-C's signal
 */
export function runExample(
  name: string,
  args: readonly string[],
  interrupt?: RegExp,
  act: (kill: (signal: NodeJS.Signals) => void) => void = (kill) => kill('SIGINT'),
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}.ts`, ...args], {
      cwd: root,
      env: { ...process.env, GRADIOGRAPH_CACHE: cache },
    });
    let [stdout, output, sent] = ['', '', false];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
        if (!interrupt || sent || !interrupt.test(output)) return;
        sent = true;
        act((signal) => void child.kill(signal));
      });
    }
    child.on('close', (code) => resolve({ code, stdout, output }));
  });
}
