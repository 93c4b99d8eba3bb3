import { FormatError } from '../../errors.ts';
import type { Image } from '../image.ts';
import { decodeJpeg, JPEG_SIGNATURE } from './jpeg.ts';
import { decodePng, PNG_SIGNATURE } from './png.ts';
import { toColor, toGray } from './raster.ts';

/** The options of `decodeImage`. */
export interface DecodeOptions {
  /** An image of more pixels is refused before anything of it is decoded; default 100 million. */
  maxPixels?: number;
  /** 1 (default) for gray, 3 for red, green and blue. */
  channels?: 1 | 3;
}

export const MAX_PIXELS = 100_000_000;

const FORMATS = [
  { signature: PNG_SIGNATURE, decode: decodePng },
  { signature: JPEG_SIGNATURE, decode: decodeJpeg },
];

/**
 * Decodes a PNG (all colour types and bit depths, interlaced too; of an animation the still image) or a JPEG (baseline
 * and progressive, gray, YCbCr and RGB), told apart by content, to gray, where colours become luminance, or to colours,
 * which gray ones repeat. 16 bits are rounded to 8, alpha is dropped. Memory is in proportion to the pixels, whatever
 * the file: 2 to 20 bytes a pixel for a PNG, 15 for a gray JPEG and 35 for one in colours.
 * @param name stands in the error's message; default 'image'
 * @throws FormatError for a file that is empty, truncated, corrupt, neither PNG nor JPEG, of a kind that is not decoded
 *   (a CMYK JPEG, say), or of more pixels than `maxPixels`
 */
export function decodeImage(
  bytes: Uint8Array,
  name = 'image',
  { maxPixels = MAX_PIXELS, channels = 1 }: DecodeOptions = {},
): Image {
  try {
    if (bytes.length === 0) throw new FormatError('the file is empty');
    const format = FORMATS.find(({ signature }) => signature.every((byte, i) => bytes[i] === byte));
    if (!format) {
      const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
      throw new FormatError(`neither PNG nor JPEG (it begins with ${start})`);
    }
    const raster = format.decode(bytes, maxPixels);
    return channels === 1 ? toGray(raster) : toColor(raster);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${name}: ${cause.message}`, { cause });
  }
}
