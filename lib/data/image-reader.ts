import { readFile, stat } from 'node:fs/promises';
import { FormatError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';
import { warnOfCache } from './cache-warning.ts';
import { type DecodeOptions, decodeImage } from './codecs/decode.ts';
import { CacheError, DiskCache } from './disk-cache.ts';
import type { Image } from './image.ts';
import { rebuild, type Transform, type TransformDescription } from './transforms.ts';

/** How image files are read, as plain data: a worker thread makes its own reader of it. */
export interface Reading {
  readonly prepare: TransformDescription;
  /** Where prepared images are kept between runs; null for nowhere. */
  readonly cacheDir: string | null;
  /** An image of more pixels is refused. */
  readonly maxPixels: number;
  /** Gray, or red, green and blue. */
  readonly channels: 1 | 3;
}

/** Reads a file, decodes it and prepares the image; or has it from the cache on disk. */
export class ImageReader {
  readonly #prepare: Transform;
  readonly #cache: DiskCache | null;
  readonly #decoding: DecodeOptions;
  readonly #warn: (fault: string) => void;

  /** @param warn is told each time that the cache cannot be read or written */
  constructor(
    prepare: Transform,
    cache: DiskCache | null,
    decoding: DecodeOptions = {},
    warn: (fault: string) => void = warnOfCache,
  ) {
    this.#prepare = prepare;
    this.#cache = cache;
    this.#decoding = decoding;
    this.#warn = warn;
  }

  static of({ prepare, cacheDir, ...decoding }: Reading, warn: (fault: string) => void): ImageReader {
    const cache = cacheDir === null ? null : new DiskCache(cacheDir, prepare, decoding.channels);
    return new ImageReader(rebuild(prepare), cache, decoding, warn);
  }

  /** @throws FormatError naming a file that is missing, a pipe or the like, or no whole image */
  async read(path: string): Promise<Image> {
    // Before the file is read: should it change meanwhile, the entry is stale, not wrong.
    const stamp = await attempt(path, stat(path, { bigint: true }));
    if (!stamp.isFile()) throw new FormatError(`${path}: no regular file`);
    if (!this.#cache) return this.#decode(path);
    const cached = await this.#unlessFaulty(this.#cache.read(path, stamp));
    if (cached) return cached;
    const image = await this.#decode(path);
    await this.#unlessFaulty(this.#cache.write(path, stamp, image));
    return image;
  }

  /** What the cache says; null and a warning where it cannot be used. */
  async #unlessFaulty<T>(answer: Promise<T>): Promise<T | null> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      this.#warn(error.message);
      return null;
    }
  }

  async #decode(path: string): Promise<Image> {
    const bytes = await attempt(path, readFile(path));
    return this.#prepare(decodeImage(bytes, path, this.#decoding), new Generator());
  }
}

async function attempt<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    throw new FormatError(`${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
