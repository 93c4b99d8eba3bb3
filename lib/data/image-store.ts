import { readFile } from 'node:fs/promises';
import { FormatError } from '../errors.ts';
import { Generator } from '../tensor/random.ts';
import { decodeImage, type GrayImage } from './image.ts';
import type { Transform } from './transforms.ts';

/** Reads, decodes and prepares image files, and keeps the results: an epoch after the first costs no decoding. */
export class ImageStore {
  readonly #prepare: Transform;
  readonly #maxBytes: number;
  readonly #images = new Map<string, GrayImage>();
  #bytes = 0;

  /**
   * @param prepare what is done once to each image, such as a resize
   * @param maxBytes of pixels to keep; the images beyond are decoded at every use
   */
  constructor(prepare: Transform, maxBytes: number) {
    this.#prepare = prepare;
    this.#maxBytes = maxBytes;
  }

  /** @throws FormatError naming a file that is missing or no whole image */
  async get(path: string): Promise<GrayImage> {
    const kept = this.#images.get(path);
    if (kept) return kept;
    const image = this.#prepare(decodeImage(await readImageFile(path), path), new Generator());
    if (this.#bytes + image.data.length <= this.#maxBytes) {
      this.#images.set(path, image);
      this.#bytes += image.data.length;
    }
    return image;
  }
}

async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FormatError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
}
