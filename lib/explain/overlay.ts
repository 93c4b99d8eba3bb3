import type { GrayImage, RgbImage } from '../data/image.ts';
import { resizeImage } from '../data/resample.ts';
import { centerCrop } from '../data/transforms.ts';
import { Generator } from '../tensor/random.ts';
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

/** The options of `overlay`. */
export interface OverlayOptions {
  /**
   * How the image was brought to the size that the model saw (`transforms.resize`): `'squash'` (default), the map is
   * stretched over the whole image, or `'pad'`, the map is of the square around it.
   */
  fit?: 'squash' | 'pad';
}

/** The colour of a value from 0 to 1. */
export function plasma(value: number): [red: number, green: number, blue: number] {
  const place = Math.min(Math.max(value, 0), 1) * (PLASMA.length - 1);
  const below = Math.min(Math.floor(place), PLASMA.length - 2);
  const mix = (channel: number) =>
    PLASMA[below][channel] + (place - below) * (PLASMA[below + 1][channel] - PLASMA[below][channel]);
  return [mix(0), mix(1), mix(2)];
}

/**
 * An image in colours, under a map of it, of the image's own size: what is above zero, as a share of the map's own
 * greatest value, is resized bilinearly and laid over it, more opaque the greater it is. Where the map is zero or less the
 * image is as it was; so is all of it where the map has nothing above zero. Colours of two images are not comparable.
 * @param image of one channel, at any resolution
 */
export function overlay(
  image: GrayImage,
  map: ActivationMap,
  { fit = 'squash' }: OverlayOptions = {},
): RgbImage {
  const { width, height } = image;
  const heat = heatOf(map, image, fit);
  const data = new Uint8ClampedArray(3 * width * height);
  heat.data.forEach((level, i) => {
    const value = level / 255;
    const opacity = OPACITY * value;
    plasma(value).forEach((color, channel) => {
      data[3 * i + channel] = (1 - opacity) * image.data[i] + opacity * color;
    });
  });
  return { width, height, data };
}

/** The map as levels from 0 to 255 of the image's size. */
function heatOf(map: ActivationMap, { width, height }: GrayImage, fit: 'squash' | 'pad'): GrayImage {
  const peak = map.data.reduce((greatest, value) => Math.max(greatest, value), 0);
  const data = Uint8ClampedArray.from(map.data, (value) => (peak > 0 ? (255 * value) / peak : 0));
  const levels = { width: map.width, height: map.height, data };
  if (fit === 'squash') return resizeImage(levels, height, width);
  const side = Math.max(width, height);
  return centerCrop([height, width])(resizeImage(levels, side, side), new Generator());
}
