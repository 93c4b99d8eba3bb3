import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FormatError, StateDictError } from '../errors.ts';

/** Reads a file by `read`, whose FormatError and StateDictError then name the file. */
export async function naming<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${path}: ${error.message}`, { cause: error });
    if (error instanceof StateDictError)
      throw new StateDictError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Writes a file whole or not at all: to a temporary name, synced, then renamed, and the folder synced, so that the new
 * name outlives a power cut. Makes the folder where there is none. A write that fails leaves nothing behind.
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await syncAndClose(await open(temporary, 'w'), bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  // Windows cannot open a folder as a file.
  if (process.platform !== 'win32') await syncAndClose(await open(folder, 'r'));
}

/** Removes the temporary files that `writeWhole` left beside `path` in processes that are no more. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const [, pid] = name.startsWith(`${basename(path)}.`) ? (/\.(\d+)\.tmp$/.exec(name) ?? []) : [];
    if (pid && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

/** Signal 0 asks without doing anything; only ESRCH says that there is no such process. */
function isAlive(pid: number): boolean {
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
