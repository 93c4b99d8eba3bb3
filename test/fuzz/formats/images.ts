import jpegJs from 'jpeg-js';
import { PNG as PngJs } from 'pngjs';
import { decodeImage } from '../../../lib/node.ts';
import type { Format } from '../format.ts';
import { JPEG } from '../grammar/jpeg.ts';
import { PNG } from '../grammar/png.ts';

async function read(bytes: Uint8Array): Promise<unknown[]> {
  const { width, height, data } = decodeImage(bytes);
  if (data.length !== width * height) throw new Error(`${data.length} pixels for ${width}x${height}`);
  return [width, height, data];
}

/** A picture that is neither flat nor noise. */
const pixels = (width: number, height: number): Buffer =>
  Buffer.from(Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256)));

function pngOf(width: number, height: number, options: object): Uint8Array {
  const image = new PngJs({ width, height });
  image.data = pixels(width, height);
  return new Uint8Array(PngJs.sync.write(image, options));
}

export const png: Format = {
  name: 'png',
  samples: async () => [
    pngOf(17, 11, { colorType: 0 }),
    pngOf(8, 8, { colorType: 6 }),
    pngOf(40, 3, { colorType: 2, filterType: 4 }),
    pngOf(5, 9, { colorType: 4, bitDepth: 16 }),
  ],
  mutations: PNG,
  read,
};

export const jpeg: Format = {
  name: 'jpeg',
  samples: async () =>
    [
      [17, 11, 90],
      [8, 8, 10],
      [40, 33, 50],
    ].map(
      ([width, height, quality]) =>
        new Uint8Array(jpegJs.encode({ width, height, data: pixels(width, height) }, quality).data),
    ),
  mutations: JPEG,
  read,
};
