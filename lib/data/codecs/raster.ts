import { FormatError } from '../../errors.ts';
import { createImage, type GrayImage } from '../image.ts';

/** What an image file holds: samples row by row, the channels of a pixel side by side. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 is gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  /** From 0 to 255, or to 65535 where the file has 16 bits a sample. */
  readonly data: Uint8Array | Uint16Array;
}

/** @throws FormatError for a size without pixels, or with more of them than `maxPixels` */
export function checkSize(format: string, width: number, height: number, maxPixels: number): void {
  if (width === 0 || height === 0) throw new FormatError(`broken ${format}: its size is ${width}x${height}`);
  if (width * height > maxPixels) {
    throw new FormatError(
      `a ${format} of ${width}x${height} pixels is over the limit of ${maxPixels}; raise 'maxPixels' if it is what you want`,
    );
  }
}

/**
 * Colours become luminance (ITU-R 601-2, L = (299 R + 587 G + 114 B) / 1000, in Pillow's 16-bit fixed point), 16 bits
 * are rounded to 8, alpha is dropped.
 */
export function toGray({ width, height, channels, data }: Raster): GrayImage {
  const gray = createImage(width, height);
  const scale = data instanceof Uint16Array ? 257 : 1;
  for (let i = 0, p = 0; i < gray.data.length; i++, p += channels) {
    const red = Math.round(data[p] / scale);
    if (channels < 3) {
      gray.data[i] = red;
      continue;
    }
    const green = Math.round(data[p + 1] / scale);
    const blue = Math.round(data[p + 2] / scale);
    gray.data[i] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
  }
  return gray;
}
