import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { faultOf, isFileError } from '../data/naming.ts';
import { GradiographError } from '../errors.ts';

/** Writes by `write`. @throws GradiographError naming the file that cannot be written, and why */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isFileError(error)) throw error;
    throw new GradiographError(`${path}: cannot be written (${faultOf(error)})`, { cause: error });
  }
}

/**
 * Writes a file whole or not at all: to a temporary name, synced, then renamed, and the folder synced, so that the new
 * name outlives a power cut. Makes the folder where there is none. A write that fails leaves nothing behind, and what
 * had the name before as it was.
 * @throws GradiographError naming the file, where it cannot be written
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  await writing(path, async () => {
    await writeTemporary(path, bytes, (temporary) => rename(temporary, path));
    // Windows cannot open a folder as a file.
    if (process.platform !== 'win32') await syncAndClose(await open(dirname(path), 'r'));
  });
}

/**
 * Writes a file under a name that nothing has, not in another process either. Makes the folder where there is none. A write
 * that fails leaves nothing behind.
 * @returns false where the name is taken; nothing is written then
 * @throws GradiographError naming the file, where it cannot be written
 */
export async function writeNew(path: string, bytes: Uint8Array | string): Promise<boolean> {
  return writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return null;
      throw error;
    });
    if (!file) return false;
    try {
      await syncAndClose(file, bytes);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return true;
  });
}

/**
 * Writes so many bytes beside `path` and removes them, so that a folder that is read-only or full is noticed before there
 * is something to lose. Makes the folder where there is none.
 * @throws GradiographError naming the file that could not be written
 */
export async function tryWriting(path: string, size: number): Promise<void> {
  await writing(path, () => writeTemporary(path, new Uint8Array(size), (temporary) => rm(temporary)));
}

async function writeTemporary(
  path: string,
  bytes: Uint8Array | string,
  use: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await syncAndClose(await open(temporary, 'w'), bytes);
    await use(temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes the temporary files that `writeWhole` left beside `path` in processes that are no more. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  await writing(path, async () => {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const [, pid] = name.startsWith(`${basename(path)}.`) ? (/\.(\d+)\.tmp$/.exec(name) ?? []) : [];
      if (pid && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
    }
  });
}

/** Signal 0 asks without doing anything; only ESRCH says that there is no such process. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function syncAndClose(file: FileHandle, bytes?: Uint8Array | string): Promise<void> {
  try {
    if (bytes !== undefined) await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
