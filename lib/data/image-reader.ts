import { readFile, stat } from 'node:fs/promises';
import { FormatError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';
import { decodeImage, MAX_PIXELS } from './codecs/decode.ts';
import { DiskCache } from './disk-cache.ts';
import type { Image } from './image.ts';
import { rebuild, type Transform, type TransformDescription } from './transforms.ts';

/** How image files are read, as plain data: a worker thread makes its own reader of it. */
export interface Reading {
  readonly prepare: TransformDescription;
  /** Where prepared images are kept between runs; null for nowhere. */
  readonly cacheDir: string | null;
  /** An image of more pixels is refused. */
  readonly maxPixels: number;
}

/** Reads a file, decodes it and prepares the image; or has it from the cache on disk. */
export class ImageReader {
  readonly #prepare: Transform;
  readonly #cache: DiskCache | null;
  readonly #maxPixels: number;

  constructor(prepare: Transform, cache: DiskCache | null, maxPixels = MAX_PIXELS) {
    this.#prepare = prepare;
    this.#cache = cache;
    this.#maxPixels = maxPixels;
  }

  static of({ prepare, cacheDir, maxPixels }: Reading): ImageReader {
    const cache = cacheDir === null ? null : new DiskCache(cacheDir, prepare);
    return new ImageReader(rebuild(prepare), cache, maxPixels);
  }

  /** @throws FormatError naming a file that is missing, a pipe or the like, or no whole image */
  async read(path: string): Promise<Image> {
    // Before the file is read: should it change meanwhile, the entry is stale, not wrong.
    const stamp = await attempt(path, stat(path, { bigint: true }));
    if (!stamp.isFile()) throw new FormatError(`${path}: no regular file`);
    if (!this.#cache) return this.#decode(path);
    const cached = await this.#cache.read(path, stamp);
    if (cached) return cached;
    const image = await this.#decode(path);
    await this.#cache.write(path, stamp, image);
    return image;
  }

  async #decode(path: string): Promise<Image> {
    const bytes = await attempt(path, readFile(path));
    return this.#prepare(decodeImage(bytes, path, { maxPixels: this.#maxPixels }), new Generator());
  }
}

async function attempt<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    throw new FormatError(`${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
