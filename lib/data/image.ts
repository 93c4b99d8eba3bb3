import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { FormatError, ShapeError } from '../errors.ts';

/** One channel of 8 bits, row-major: what a radiograph is on disk, whatever its file says. */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

export function createImage(width: number, height: number): GrayImage {
  return { width, height, data: new Uint8ClampedArray(width * height) };
}

/** The image with its pixels where every thread sees them, so that none is copied on the way. */
export function shareImage(image: GrayImage): GrayImage {
  if (image.data.buffer instanceof SharedArrayBuffer) return image;
  const data = new Uint8ClampedArray(new SharedArrayBuffer(image.data.length));
  data.set(image.data);
  return { ...image, data };
}

interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

interface Format {
  readonly name: string;
  /** What its files begin with, and what a whole one has at its end. */
  readonly magic: readonly number[];
  readonly end: Buffer;
  readonly decode: (bytes: Buffer) => Rgba;
}

const FORMATS: readonly Format[] = [
  {
    name: 'PNG',
    magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    end: Buffer.from('IEND'),
    decode: (bytes) => PNG.sync.read(untilIend(bytes)),
  },
  {
    name: 'JPEG',
    magic: [0xff, 0xd8, 0xff],
    end: Buffer.from([0xff, 0xd9]),
    decode: (bytes) => jpeg.decode(bytes, { useTArray: true, tolerantDecoding: false }),
  },
];

/** A PNG without what may follow its last chunk: other decoders pass over that, pngjs refuses it. */
function untilIend(file: Buffer): Buffer {
  for (let chunk = 8; chunk + 12 <= file.length; ) {
    const isLast = file.toString('latin1', chunk + 4, chunk + 8) === 'IEND';
    chunk += 12 + file.readUInt32BE(chunk);
    if (isLast) return file.subarray(0, chunk);
  }
  return file;
}

/**
 * Decodes a PNG (gray, RGB, with alpha, palette; 1 to 16 bits) or a JPEG, told apart by content, to gray.
 * Colours become luminance, 16 bits are scaled to 8, alpha is dropped.
 * @param name stands in the error's message
 * @throws FormatError for a file that is empty, truncated, corrupt or neither PNG nor JPEG
 */
export function decodeImage(bytes: Uint8Array, name = 'image'): GrayImage {
  if (bytes.length === 0) throw new FormatError(`${name}: the file is empty`);
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = FORMATS.find(({ magic }) => magic.every((byte, i) => file[i] === byte));
  if (!format) {
    throw new FormatError(
      `${name}: neither PNG nor JPEG (it begins with ${file.subarray(0, 8).toString('hex')})`,
    );
  }
  try {
    return luminance(format.decode(file));
  } catch (error) {
    const fault = file.includes(format.end) ? 'broken' : 'truncated';
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(`${name}: ${fault} ${format.name} (${reason})`, { cause: error });
  }
}

/** ITU-R 601-2 luma, L = (299 R + 587 G + 114 B) / 1000, in Pillow's 16-bit fixed point. */
function luminance({ width, height, data }: Rgba): GrayImage {
  const gray = createImage(width, height);
  if (width === 0 || height === 0 || data.length < 4 * width * height) throw new Error('pixels are missing');
  for (let i = 0, p = 0; i < gray.data.length; i++, p += 4) {
    gray.data[i] = (19595 * data[p] + 38470 * data[p + 1] + 7471 * data[p + 2] + 0x8000) >> 16;
  }
  return gray;
}

/** An 8-bit PNG file of an image: gray, or RGB with the same values thrice. */
export function encodePng(image: GrayImage, { rgb = false } = {}): Uint8Array {
  if (!rgb) return packPng(image, 1);
  const data = new Uint8Array(3 * image.data.length);
  image.data.forEach((value, i) => {
    data.fill(value, 3 * i, 3 * i + 3);
  });
  return packPng({ ...image, data }, 3);
}

/** Colours of 8 bits: R, G, B of the first pixel, then of the next, row-major. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
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
