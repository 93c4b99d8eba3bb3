import { FormatError } from '../../errors.ts';
import { createImage, type GrayImage, type Image, luminance } from '../image.ts';

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
 * Colours become luminance, 16 bits are rounded to 8, alpha is dropped.
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
    gray.data[i] = luminance(red, green, blue);
  }
  return gray;
}

/** Red, green and blue, which a gray image repeats; 16 bits are rounded to 8, alpha is dropped. */
export function toColor({ width, height, channels, data }: Raster): Image {
  const size = width * height;
  const out = new Uint8ClampedArray(3 * size);
  const scale = data instanceof Uint16Array ? 257 : 1;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      out[c * size + i] = Math.round(data[i * channels + (channels < 3 ? 0 : c)] / scale);
    }
  }
  return { width, height, channels: 3, data: out };
}
