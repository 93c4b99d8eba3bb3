import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

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

async function syncAndClose(file: FileHandle, bytes?: Uint8Array | string): Promise<void> {
  try {
    if (bytes !== undefined) await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
