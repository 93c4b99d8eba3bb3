/** One channel of 8 bits, row-major: what a radiograph is on disk, whatever its file says. */
export interface GrayImage {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** height * width values, 0 to 255. */
  readonly data: Uint8ClampedArray;
}

/** 8 bits a channel, row-major, one plane after the other: gray, or red, green and blue. */
export interface Image extends GrayImage {
  /** 1 for gray, 3 for red, green and blue. Default 1. */
  readonly channels?: 1 | 3;
}

/** Colours of 8 bits: R, G, B of the first pixel, then of the next, row-major. */
export interface RgbImage {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** height * width * 3 values, 0 to 255. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** A black image, in pixels. */
export function createImage(width: number, height: number): GrayImage {
  return { width, height, data: new Uint8ClampedArray(width * height) };
}

/** The channels of an image as gray images, which share its pixels. */
export function planesOf({ width, height, channels = 1, data }: Image): GrayImage[] {
  const size = width * height;
  return Array.from({ length: channels }, (_, c) => ({
    width,
    height,
    data: data.subarray(c * size, (c + 1) * size),
  }));
}

/** The image of a change to each of its channels. */
export function eachPlane(image: Image, change: (plane: GrayImage) => GrayImage): Image {
  if ((image.channels ?? 1) === 1) return change(image);
  const planes = planesOf(image).map(change);
  const [{ width, height }] = planes;
  const data = new Uint8ClampedArray(3 * width * height);
  planes.forEach((plane, c) => {
    data.set(plane.data, c * width * height);
  });
  return { width, height, channels: 3, data };
}

/** Luminance of 8 bits (ITU-R 601-2, L = (299 R + 587 G + 114 B) / 1000, in Pillow's 16-bit fixed point). */
export const luminance = (red: number, green: number, blue: number): number =>
  (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;

/** The image with its pixels where every thread sees them, so that none is copied on the way. */
export function shareImage(image: Image): Image {
  if (image.data.buffer instanceof SharedArrayBuffer) return image;
  const data = new Uint8ClampedArray(new SharedArrayBuffer(image.data.length));
  data.set(image.data);
  return { ...image, data };
}
