import { encodeRgbPng } from '../data/codecs/encode-png.ts';
import type { GrayImage } from '../data/image.ts';
import { resizeImage } from '../data/resample.ts';
import type { ActivationMap } from './class-activation.ts';

/**
 * The colour map "plasma" (S. van der Walt and N. Smith for matplotlib, CC0), perceptually uniform: every 32nd of its
 * colours. Linear in between it is within 6 of 255 levels.
 */
const PLASMA = [
  [13, 8, 135],
  [76, 2, 161],
  [126, 3, 168],
  [170, 35, 149],
  [204, 71, 120],
  [230, 108, 92],
  [248, 149, 64],
  [253, 197, 39],
  [240, 249, 33],
] as const;

/** How much the hottest place hides of the image. */
const OPACITY = 0.6;

/** The colour of a value from 0 to 1. */
export function plasma(value: number): [red: number, green: number, blue: number] {
  const place = Math.min(Math.max(value, 0), 1) * (PLASMA.length - 1);
  const below = Math.min(Math.floor(place), PLASMA.length - 2);
  const mix = (channel: number) =>
    PLASMA[below][channel] + (place - below) * (PLASMA[below + 1][channel] - PLASMA[below][channel]);
  return [mix(0), mix(1), mix(2)];
}

/**
 * A colour PNG of an image under a map of it: what is above zero, as a share of the map's own greatest value, is
 * resized to the image bilinearly and laid over it, more opaque the greater it is. Where the map is zero or less the
 * image is as it was; so is all of it where the map has nothing above zero. Colours of two images are not comparable.
 * @param image as the model saw it, or at another resolution: the map is stretched over the whole of it
 */
export function overlayPng(image: GrayImage, map: ActivationMap): Uint8Array {
  const { width, height } = image;
  const peak = map.data.reduce((greatest, value) => Math.max(greatest, value), 0);
  const levels = Uint8ClampedArray.from(map.data, (value) => (peak > 0 ? (255 * value) / peak : 0));
  const heat = resizeImage({ width: map.width, height: map.height, data: levels }, height, width);
  const data = new Uint8ClampedArray(3 * width * height);
  heat.data.forEach((level, i) => {
    const value = level / 255;
    const opacity = OPACITY * value;
    plasma(value).forEach((color, channel) => {
      data[3 * i + channel] = (1 - opacity) * image.data[i] + opacity * color;
    });
  });
  return encodeRgbPng({ width, height, data });
}
