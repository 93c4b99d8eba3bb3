import { ArgumentError, quote } from '../errors.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Target } from './dataset.ts';
import type { Image } from './image.ts';
import type { ImageDataset } from './image-dataset.ts';
import { MemoryCache } from './memory-cache.ts';
import { resize, type Transform } from './transforms.ts';

/** How the images of a data set are read from their files, and where they are kept. */
export interface ImageFileOptions {
  /** Done once to each image after decoding, the result being kept; default: squashed to 224x224. */
  prepare?: Transform;
  /** Bytes of prepared pixels to keep in memory; default 2 GiB, and none beside a `cacheDir`. */
  cacheBytes?: number;
  /**
   * A folder for prepared images, checked against their files' size and time: later runs decode nothing that is
   * unchanged. Runs may share it, and it may be deleted at any time. Default none.
   */
  cacheDir?: string | null;
  /** An image of more pixels is refused before anything of it is decoded; default 100 million. */
  maxPixels?: number;
}

/**
 * Where the prepared images of files are kept.
 * @param channels of the images: 1 for gray, 3 for red, green and blue
 * @throws ArgumentError for another number of channels
 * @throws GradiographError for a `cacheDir` with a `prepare` that is not made of `transforms`
 */
export function openStore(
  {
    prepare = resize(224),
    cacheDir = null,
    cacheBytes = cacheDir === null ? 2 ** 31 : 0,
    maxPixels,
  }: ImageFileOptions,
  channels: 1 | 3,
): MemoryCache {
  if (channels !== 1 && channels !== 3) {
    throw new ArgumentError(`channels must be 1 or 3, got ${quote(channels)}`);
  }
  return new MemoryCache(prepare, cacheBytes, cacheDir, maxPixels, channels);
}

/** An image in a file. */
export interface ImageFile {
  /** The file. */
  readonly path: string;
}

/** Images in files, each read when it is first asked for; a loader's worker threads read them too. */
export abstract class FileDataset<T extends ImageFile> implements ImageDataset {
  /** The files, and what is known of each. */
  readonly images: readonly T[];
  /** What worker threads read the images by. @internal */
  readonly files: { readonly store: MemoryCache; path(index: number): string };

  /** @internal */
  protected constructor(images: readonly T[], store: MemoryCache) {
    this.images = images;
    this.files = { store, path: (index) => images[index].path };
  }

  /** The number of images. */
  get length(): number {
    return this.images.length;
  }

  /** Of a target: `[1]` for a logit each, `[]` for class indices. */
  get targetShape(): Shape {
    return [1];
  }

  /** The prepared image. @throws FormatError naming a broken file */
  image(index: number): Promise<Image> {
    return this.files.store.get(this.files.path(index));
  }

  /** What a model should say of an image. */
  abstract target(index: number): Target;
}
