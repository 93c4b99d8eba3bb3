/** One channel of 8 bits, row-major: what a radiograph is on disk, whatever its file says. */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** Colours of 8 bits: R, G, B of the first pixel, then of the next, row-major. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
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
