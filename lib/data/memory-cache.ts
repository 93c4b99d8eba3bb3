import { GradiographError } from '../errors.ts';
import { MAX_PIXELS } from './codecs/decode.ts';
import { DiskCache } from './disk-cache.ts';
import { type Image, shareImage } from './image.ts';
import { ImageReader, type Reading } from './image-reader.ts';
import type { Transform } from './transforms.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Prepared images by their file: read when first asked for, and kept in memory while there is room. */
export class MemoryCache {
  /** How workers read; null where `prepare` has no description, and the calling thread reads alone. */
  readonly reading: Reading | null;
  readonly #reader: ImageReader;
  readonly #maxBytes: number;
  readonly #images = new Map<string, Image>();
  #bytes = 0;

  /**
   * @param prepare what is done once to each image, such as a resize
   * @param maxBytes of pixels to keep in memory; the images beyond are read at every use
   * @param cacheDir where prepared images are kept between runs; null for nowhere
   * @param maxPixels an image of more pixels is refused
   * @param channels of the images: 1 for gray, 3 for red, green and blue
   * @throws GradiographError for a `cacheDir` with a `prepare` that has no description
   */
  constructor(
    prepare: Transform,
    maxBytes: number,
    cacheDir: string | null,
    maxPixels = MAX_PIXELS,
    channels: 1 | 3 = 1,
  ) {
    const { description } = prepare;
    if (cacheDir !== null && !description) {
      throw new GradiographError(
        "cacheDir: images that a function of your own prepares cannot be cached, since a change of it would go unseen; compose 'prepare' of `transforms`",
      );
    }
    this.reading = description ? { prepare: description, cacheDir, maxPixels, channels } : null;
    this.#reader = new ImageReader(
      prepare,
      cacheDir !== null && description ? new DiskCache(cacheDir, description, channels) : null,
      { maxPixels, channels },
    );
    this.#maxBytes = maxBytes;
  }

  /** @throws FormatError naming a file that is missing or no whole image */
  async get(path: string, workers: WorkerPool | null = null): Promise<Image> {
    const kept = this.#images.get(path);
    if (kept) return kept;
    const read = workers && this.reading ? workers.read(path, this.reading) : this.#reader.read(path);
    return this.keep(path, await read);
  }

  /** An image that is in memory. */
  kept(path: string): Image | null {
    return this.#images.get(path) ?? null;
  }

  get hasRoom(): boolean {
    return this.#bytes < this.#maxBytes;
  }

  /** Keeps an image if there is room, in memory that worker threads see too. */
  keep(path: string, image: Image): Image {
    if (this.#images.has(path) || this.#bytes + image.data.length > this.#maxBytes) return image;
    const shared = shareImage(image);
    this.#images.set(path, shared);
    this.#bytes += image.data.length;
    return shared;
  }
}
