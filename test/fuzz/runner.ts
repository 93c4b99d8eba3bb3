import { type ChildProcess, fork } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Fault, type Finding, LIMITS, type Outcome } from './format.ts';
import { type Message, savedAs, type Task } from './task.ts';

export interface FuzzOptions {
  readonly format: string;
  readonly seed: number;
  /** The first case, and how many. */
  readonly first: number;
  readonly cases: number;
  /** Begins no case after so long; Infinity for all. */
  readonly seconds: number;
  /** Where the input of each finding is kept; null for nowhere. */
  readonly save: string | null;
  /** The module of formats; default formats.ts. */
  readonly table?: string;
  readonly hangSeconds?: number;
}

const child = fileURLToPath(new URL('child.ts', import.meta.url));

/** Runs seeded cases of one format. A process that hangs or dies is a finding, and another goes on behind it. */
export async function fuzz(options: FuzzOptions): Promise<Outcome> {
  const { format, seed, first, cases, save, table = './formats.ts' } = options;
  const start = performance.now();
  const secondsLeft = () => options.seconds - (performance.now() - start) / 1000;
  const folder = mkdtempSync(join(tmpdir(), 'gradiograph-fuzz-'));
  const findings: Finding[] = [];
  const counts = { cases: 0, read: 0, refused: 0 };
  if (save !== null) mkdirSync(save, { recursive: true });
  try {
    for (let next = first; next < first + cases && secondsLeft() > 0; ) {
      const task: Task = {
        table,
        format,
        seed,
        first: next,
        last: first + cases,
        seconds: Math.min(1e9, secondsLeft()),
        folder,
        save,
      };
      rmSync(join(folder, 'index'), { force: true });
      const end = await runChild(task, options.hangSeconds ?? LIMITS.hangSeconds, (message) => {
        if (message.kind === 'finding') findings.push(message);
        else for (const key of ['cases', 'read', 'refused'] as const) counts[key] += message[key];
      });
      if (end === null) break;
      if (end.index === null) throw new Error(`fuzz: ${format} cannot start: ${end.detail}`);
      findings.push({ ...end, index: end.index });
      const kept = savedAs(task, end.index);
      if (kept) copyFileSync(join(folder, 'input'), kept);
      counts.cases += end.index + 1 - next;
      next = end.index + 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { format, ...counts, findings, seconds: (performance.now() - start) / 1000 };
}

/** @returns how and at which case the process ended; null where it came to its last */
function runChild(
  task: Task,
  hangSeconds: number,
  onMessage: (message: Message) => void,
): Promise<{ index: number | null; fault: Fault; detail: string } | null> {
  const path = join(task.folder, 'task.json');
  writeFileSync(path, JSON.stringify(task));
  const process = fork(child, [path], {
    execArgv: ['--import', 'tsx', '--max-old-space-size=2048'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return new Promise((resolve) => {
    let [done, output] = [false, ''];
    let killed: { fault: Fault; detail: string } | null = null;
    process.on('message', (message: Message) => {
      done ||= message.kind === 'done';
      onMessage(message);
    });
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk) => {
        output = `${output}${chunk}`.slice(-5000);
      });
    }
    const kill = (fault: Fault, detail: string): void => {
      killed ??= { fault, detail };
      process.kill('SIGKILL');
    };
    const stop = watch(process, task.folder, hangSeconds, kill);
    process.on('close', (code, signal) => {
      stop();
      if (done && !killed) return resolve(null);
      const crash = { fault: 'a crash', detail: `exit code ${code}, signal ${signal}\n${output}` } as const;
      resolve({ index: indexIn(task.folder), ...(killed ?? crash) });
    });
  });
}

const indexIn = (folder: string): number | null => {
  const path = join(folder, 'index');
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : null;
};

/** Looks at a process twice a second: whether its case goes on, and how much memory it has. */
function watch(
  { pid }: ChildProcess,
  folder: string,
  hangSeconds: number,
  kill: (fault: Fault, detail: string) => void,
): () => void {
  let [index, since] = [indexIn(folder), busySeconds(pid)];
  const timer = setInterval(() => {
    const now = indexIn(folder);
    if (now !== index) [index, since] = [now, busySeconds(pid)];
    else if (busySeconds(pid) - since > hangSeconds) kill('a hang', `no answer in ${hangSeconds} s`);
    const bytes = residentBytes(pid);
    if (bytes > LIMITS.processBytes)
      kill('too much memory', `the process has ${(bytes / 2 ** 30).toFixed(1)} GiB`);
  }, 500);
  return () => clearInterval(timer);
}

/** A field of what Linux tells of a process, by its place. */
const tell = (pid: number | undefined, file: string, field: number): number =>
  Number(
    readFileSync(`/proc/${pid}/${file}`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[field],
  );

const isLinux = platform() === 'linux';

/** The processor's time that a process has had, in its ticks of 10 ms; elsewhere than on Linux the clock's. */
function busySeconds(pid: number | undefined): number {
  try {
    if (isLinux) return (tell(pid, 'stat', 11) + tell(pid, 'stat', 12)) / 100;
  } catch {
    // It has ended.
  }
  return performance.now() / 1000;
}

/** What a process has in memory; 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return isLinux ? 4096 * tell(pid, 'statm', 1) : 0;
  } catch {
    return 0;
  }
}
