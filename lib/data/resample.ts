import { createImage, type GrayImage } from './image.ts';

interface Taps {
  /** First source pixel and weights of each target pixel; the weights of one pixel sum to 1. */
  readonly starts: Int32Array;
  readonly weights: readonly Float64Array[];
}

/**
 * A triangle filter whose support grows with the scale when shrinking, which is what makes it antialiased
 * (Pillow's `precompute_coeffs`, torchvision's `antialias=True`).
 */
function bilinearTaps(from: number, to: number): Taps {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const starts = new Int32Array(to);
  const weights: Float64Array[] = [];
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - support + 0.5));
    const end = Math.min(from, Math.floor(center + support + 0.5));
    const taps = Float64Array.from({ length: end - start }, (_, k) =>
      Math.max(0, 1 - Math.abs((start + k + 0.5 - center) / support)),
    );
    const sum = taps.reduce((a, b) => a + b, 0);
    starts[i] = start;
    weights.push(taps.map((tap) => tap / sum));
  }
  return { starts, weights };
}

/** Resizes with an antialiased bilinear filter: columns first, then rows, 8 bits in between. */
export function resizeImage(image: GrayImage, height: number, width: number): GrayImage {
  return resizeRows(resizeColumns(image, width), height);
}

function resizeColumns(image: GrayImage, width: number): GrayImage {
  if (width === image.width) return image;
  const out = createImage(width, image.height);
  const { starts, weights } = bilinearTaps(image.width, width);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const taps = weights[x];
      const first = y * image.width + starts[x];
      let sum = 0;
      for (let k = 0; k < taps.length; k++) sum += taps[k] * image.data[first + k];
      out.data[y * width + x] = sum;
    }
  }
  return out;
}

function resizeRows(image: GrayImage, height: number): GrayImage {
  if (height === image.height) return image;
  const { width } = image;
  const out = createImage(width, height);
  const { starts, weights } = bilinearTaps(image.height, height);
  const sums = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    weights[y].forEach((weight, k) => {
      const first = (starts[y] + k) * width;
      for (let x = 0; x < width; x++) sums[x] += weight * image.data[first + x];
    });
    out.data.set(sums, y * width);
  }
  return out;
}

/** Turns an image counter-clockwise about its middle, bilinearly; black where it reaches outside. Size is kept. */
export function rotateImage(image: GrayImage, degrees: number): GrayImage {
  const { width, height, data } = image;
  const out = createImage(width, height);
  const cos = Math.cos((degrees * Math.PI) / 180);
  const sin = Math.sin((degrees * Math.PI) / 180);
  for (let y = 0; y < height; y++) {
    const dy = y + 0.5 - height / 2;
    for (let x = 0; x < width; x++) {
      const dx = x + 0.5 - width / 2;
      const sourceX = cos * dx - sin * dy + width / 2;
      const sourceY = sin * dx + cos * dy + height / 2;
      if (sourceX < 0 || sourceX >= width || sourceY < 0 || sourceY >= height) continue;
      const left = Math.floor(sourceX - 0.5);
      const top = Math.floor(sourceY - 0.5);
      const u = sourceX - 0.5 - left;
      const v = sourceY - 0.5 - top;
      const x0 = Math.max(left, 0);
      const x1 = Math.min(left + 1, width - 1);
      const y0 = Math.max(top, 0) * width;
      const y1 = Math.min(top + 1, height - 1) * width;
      out.data[y * width + x] =
        (1 - v) * ((1 - u) * data[y0 + x0] + u * data[y0 + x1]) +
        v * ((1 - u) * data[y1 + x0] + u * data[y1 + x1]);
    }
  }
  return out;
}
