import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GradiographError } from '../errors.ts';
import type { Image } from './image.ts';
import type { TransformDescription } from './transforms.ts';

/** Raise it when decoding, a transform or the layout of an entry changes: older entries are then redone. */
const VERSION = 3;

/** Bytes of an entry before its pixels, its hash apart. */
const HEADER = 12;

/** What tells one state of a file from another. */
export interface FileStamp {
  readonly size: bigint;
  /** Nanoseconds. */
  readonly mtimeNs: bigint;
}

/** The file system does not let us read or write the cache: it is full, say, or read-only. */
export class CacheError extends GradiographError {}

/**
 * Prepared images on disk, a file each, for the runs to come. An entry is
 *
 *     SHA-256 of (key, all that follows)   32 bytes
 *     width, height, channels               3 little-endian uint32
 *     pixels                                channels * height * width bytes
 *
 * where the key is this format's version, the source's path, size and time, and the description of its preparation.
 * An image that is read in gray and in colours has an entry of each. So an entry that is stale, cut off or of something else has another hash, and counts as absent. An entry appears
 * whole, under its name, by a rename: runs of one user may share the folder. It may be deleted at any time.
 *
 * The images are private, so folders are made for their owner alone (0700, files 0600). And they are believed, so a
 * folder is used only where nobody but the user and root can put anything: it must belong to one of them, and others must not
 * be able to write in it. A key for the hash would do no better, for it would need just such a folder to lie in. Windows
 * has no such modes; there it is up to the rights of the folder that one chooses.
 */
export class DiskCache {
  readonly #folder: string;
  readonly #channels: 1 | 3;
  readonly #prepare: string;

  /**
   * @param prepare what made the pixels of the source's
   * @param channels of the images
   */
  constructor(folder: string, prepare: TransformDescription, channels: 1 | 3 = 1) {
    this.#folder = folder;
    this.#channels = channels;
    this.#prepare = `${channels} ${JSON.stringify(prepare)}`;
  }

  /**
   * The image that a source file had become when it had this stamp; null where that is not known.
   * @throws CacheError where the folder cannot be read
   * @throws GradiographError where others can write in it
   */
  async read(path: string, stamp: FileStamp): Promise<Image | null> {
    const entry = this.#entryOf(path);
    let bytes: Buffer;
    try {
      await this.#checkOwner();
      bytes = await readFile(entry);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw cacheError('read', entry, error);
    }
    const body = bytes.subarray(32);
    if (body.length <= HEADER || !this.#hash(path, stamp, body).equals(bytes.subarray(0, 32))) return null;
    const [width, height, channels] = [0, 4, 8].map((at) => body.readUInt32LE(at));
    const size = body.length - HEADER;
    if (channels !== this.#channels || width * height * channels !== size) return null;
    const data = new Uint8ClampedArray(body.buffer, body.byteOffset + HEADER, size);
    return channels === 1 ? { width, height, data } : { width, height, channels, data };
  }

  /**
   * @throws CacheError where the folder cannot be written
   * @throws GradiographError where others can write in it
   */
  async write(path: string, stamp: FileStamp, { width, height, channels = 1, data }: Image): Promise<void> {
    const body = Buffer.alloc(HEADER + data.length);
    body.writeUInt32LE(width, 0);
    body.writeUInt32LE(height, 4);
    body.writeUInt32LE(channels, 8);
    body.set(data, HEADER);
    const entry = this.#entryOf(path);
    const temporary = `${entry}.${randomUUID()}.tmp`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await this.#checkOwner();
      await mkdir(dirname(entry), { recursive: true, mode: 0o700 });
      await writeFile(temporary, [this.#hash(path, stamp, body), body], { mode: 0o600 });
      await rename(temporary, entry);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {}); // the first fault is the one to tell
      throw cacheError('written', entry, error);
    }
  }

  async #checkOwner(): Promise<void> {
    const user = process.getuid?.();
    if (user === undefined) return;
    for (const stats of [await lstat(this.#folder), await stat(this.#folder)]) {
      const isForeign = stats.uid !== user && stats.uid !== 0;
      const isOpen = !stats.isSymbolicLink() && (stats.mode & 0o022) !== 0;
      if (!isForeign && !isOpen) continue;
      throw new GradiographError(
        `image cache: ${this.#folder} ${isForeign ? `belongs to user ${stats.uid}` : 'can be written by others'}, and images that they put there would be taken for yours: use a folder that only you can write in`,
      );
    }
  }

  #entryOf(path: string): string {
    const name = createHash('sha256')
      .update(`${resolve(path)}\n${this.#prepare}`)
      .digest('hex');
    return join(this.#folder, name.slice(0, 2), name.slice(2, 34));
  }

  #hash(path: string, { size, mtimeNs }: FileStamp, body: Uint8Array): Buffer {
    const key = [VERSION, resolve(path), size, mtimeNs, this.#prepare].join('\n');
    return createHash('sha256').update(`${key}\n`).update(body).digest();
  }
}

function cacheError(action: string, entry: string, cause: unknown): GradiographError {
  if (cause instanceof GradiographError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  return new CacheError(`image cache: ${entry} cannot be ${action} (${code})`, { cause });
}
