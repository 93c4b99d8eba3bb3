import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GradiographError } from '../errors.ts';
import { isAlive, writing } from './files.ts';

/** After how many milliseconds one looks again whether a rival of the same moment has given way. */
const PAUSE = 50;
/** What the file of the process that has the folder says; that of one which only wants it is empty. */
const HELD = 'held';

/** How many locks this process has asked for: each has a file of its own. */
let asked = 0;

interface Rival {
  readonly file: string;
  readonly host: string;
  readonly pid: number;
  readonly holds: boolean;
}

/**
 * Takes a folder for this process until it is disposed. Makes the folder where there is none.
 *
 * Each process that wants the folder puts down an empty file of its own, `.lock-<host>-<pid>-<start of the process>-<n>`,
 * and has it if it then finds no other whose process lives. So a process that was killed holds nothing, though its file is
 * still there and its pid may have been given to another: such files are removed, which can hit nobody who lives. Of
 * several that come at the same moment all but the one whose name sorts first give way, and that one waits for it.
 * @throws GradiographError naming the process that has the folder. One on another machine, of a shared folder, counts as
 * alive: the message says which file to delete if it is not.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const host = encodeURIComponent(hostname()).replaceAll('-', '%2D');
  const start = (await startOf(process.pid)) ?? '';
  const own = join(folder, `.lock-${host}-${process.pid}-${start}-${asked++}`);
  await writing(own, async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(own, '');
  });
  const release = () => rm(own, { force: true });
  try {
    for (let rival = await findRival(folder, own, host); rival; rival = await findRival(folder, own, host)) {
      if (rival.holds || rival.file < own) throw new GradiographError(describe(folder, rival, host));
      await setTimeout(PAUSE);
    }
    await writing(own, () => writeFile(own, HELD));
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}

/** Another that holds the folder, or wants it; removes the files of those that are no more. */
async function findRival(folder: string, own: string, host: string): Promise<Rival | null> {
  for (const name of (await readdir(folder)).sort()) {
    const [, otherHost, pid, start] = /^\.lock-([^-]+)-(\d+)-(\w*)-\d+$/.exec(name) ?? [];
    const file = join(folder, name);
    if (!pid || file === own) continue;
    const rival = { file, host: otherHost, pid: Number(pid) };
    if (otherHost !== host) return { ...rival, holds: true };
    if ((await startOf(rival.pid)) === start) return { ...rival, holds: await isHeld(file) };
    await rm(file, { force: true });
  }
  return null;
}

function describe(folder: string, { file, host, pid }: Rival, ownHost: string): string {
  const elsewhere =
    host === ownHost ? '' : ` on ${decodeURIComponent(host)}; if that has ended, delete ${file}`;
  return `${folder}: another run is going on in this folder, process ${pid}${elsewhere}; wait for it, or choose another folder`;
}

/** False, too, where it has been removed meanwhile. */
const isHeld = (file: string): Promise<boolean> =>
  readFile(file, 'utf8').then(
    (text) => text === HELD,
    () => false,
  );

/**
 * When a process began, in whatever its system counts; '' where that does not say; null where there is none, or only what
 * is left of one that was killed.
 */
async function startOf(pid: number): Promise<string | null> {
  if (!isAlive(pid)) return null;
  if (process.platform === 'win32') return '';
  if (process.platform !== 'linux') {
    // It fails where the process has ended meanwhile.
    const ps = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null);
    return ps?.stdout.replaceAll(/\W/g, '') ?? null;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // After the program's name, which is in brackets and may hold any character: the state, and 19 fields on the start.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && fields[0] !== 'Z' ? fields[19] : null;
}
