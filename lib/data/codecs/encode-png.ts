import { PNG } from 'pngjs';
import { ShapeError } from '../../errors.ts';
import type { GrayImage, RgbImage } from '../image.ts';

/** An 8-bit PNG file of an image: gray, or RGB with the same values thrice. */
export function encodePng(image: GrayImage, { rgb = false } = {}): Uint8Array {
  if (!rgb) return packPng(image, 1);
  const data = new Uint8Array(3 * image.data.length);
  image.data.forEach((value, i) => {
    data.fill(value, 3 * i, 3 * i + 3);
  });
  return packPng({ ...image, data }, 3);
}

/** An 8-bit RGB PNG file. @throws ShapeError unless there are 3 * width * height values */
export function encodeRgbPng(image: RgbImage): Uint8Array {
  const { width, height, data } = image;
  if (data.length !== 3 * width * height) {
    throw new ShapeError(
      `encodeRgbPng: ${data.length} values, ${width}x${height} wants ${3 * width * height}`,
    );
  }
  return packPng(image, 3);
}

function packPng({ width, height, data }: RgbImage, channels: 1 | 3): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.length);
  const colorType = channels === 3 ? 2 : 0;
  return PNG.sync.write(png, { colorType, inputColorType: colorType, inputHasAlpha: false, filterType: 2 });
}
