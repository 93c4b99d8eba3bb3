import { FormatError } from '../errors.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';
import { readIdx } from './idx.ts';
import type { Image } from './image.ts';
import type { ImageDataset } from './image-dataset.ts';

/** Gray images and their classes from a pair of IDX files, as torchvision.datasets.MNIST and FashionMNIST have them. */
export class IdxDataset implements ImageDataset {
  readonly length: number;
  /** Class indices. */
  readonly targetShape: Shape = [];
  readonly #size: readonly [height: number, width: number];
  readonly #images: Uint8Array;
  readonly #labels: Uint8Array;

  /**
   * @param images the bytes of a file of `[N, H, W]` unsigned bytes, such as `train-images-idx3-ubyte`
   * @param labels the bytes of a file of `[N]` unsigned bytes, such as `train-labels-idx1-ubyte`
   * @throws FormatError saying which of them is no such file, or that they are not one label an image
   */
  constructor(images: Uint8Array, labels: Uint8Array) {
    const { shape, data } = readBytes('images', images, 3);
    const { shape: counted, data: classes } = readBytes('labels', labels, 1);
    if (shape[0] !== counted[0]) {
      throw new FormatError(
        `IdxDataset: ${shape[0]} images and ${counted[0]} labels, wants one label an image`,
      );
    }
    this.length = shape[0];
    this.#size = [shape[1], shape[2]];
    this.#images = data;
    this.#labels = classes;
  }

  /** The gray image of an index, in memory of its own. */
  async image(index: number): Promise<Image> {
    const [height, width] = this.#size;
    const size = height * width;
    const data = new Uint8ClampedArray(this.#images.subarray(index * size, (index + 1) * size));
    return { width, height, data };
  }

  /** The class of an image. */
  target(index: number): number {
    return this.#labels[index];
  }
}

function readBytes(what: string, bytes: Uint8Array, rank: number): { shape: Shape; data: Uint8Array } {
  try {
    const { shape, data } = readIdx(bytes);
    if (data instanceof Uint8Array && shape.length === rank) return { shape, data };
    throw new FormatError(
      `wants unsigned bytes of ${rank} dimensions, found ${data.constructor.name} ${formatShape(shape)}`,
    );
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`IdxDataset: ${what}: ${cause.message}`, { cause });
  }
}
