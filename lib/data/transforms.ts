import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { Generator } from '../tensor/random.ts';
import { createImage, eachPlane, type GrayImage, type Image, luminance, planesOf } from './image.ts';
import { resizeImage, rotateImage } from './resample.ts';

/**
 * One step from image to image. All that is random in it comes from `random`; the image it is given stays as it is.
 *
 * The transforms of this file, and what `compose` makes of them, carry a description, by which worker threads rebuild
 * them and the disk cache tells their results apart. A function of your own has none: a loader's workers leave it to
 * the calling thread, and the disk cache refuses it.
 */
export interface Transform {
  (image: Image, random: Generator): Image;
  /** Which function made it, of which arguments; a function of your own has none. */
  readonly description?: TransformDescription;
}

/** The functions of `transforms` whose results are described. */
export type TransformName =
  | 'resize'
  | 'centerCrop'
  | 'randomCrop'
  | 'randomHorizontalFlip'
  | 'randomRotation'
  | 'colorJitter';

const BUILDERS: Readonly<Record<TransformName, (...args: never[]) => Transform>> = {
  resize,
  centerCrop,
  randomCrop,
  randomHorizontalFlip,
  randomRotation,
  colorJitter,
};

/** A transform as plain data: which function of `transforms` makes it, of which arguments. */
export type TransformDescription =
  | {
      /** Transforms one after the other. */
      readonly name: 'compose';
      /** The transforms. */
      readonly parts: readonly TransformDescription[];
    }
  | {
      /** The function that makes it. */
      readonly name: TransformName;
      /** What it is called with. */
      readonly args: readonly unknown[];
    };

/** The transform that was described. */
export function rebuild(description: TransformDescription): Transform {
  if (description.name === 'compose') return compose(description.parts.map(rebuild));
  const { name, args } = description;
  return (BUILDERS[name] as (...args: readonly unknown[]) => Transform)(...args);
}

function describe(description: TransformDescription, apply: Transform): Transform {
  return Object.assign((...args: Parameters<Transform>) => apply(...args), { description });
}

/** Height and width, or one number for both. */
export type Size = number | readonly [height: number, width: number];

const pair = (size: Size): readonly [number, number] => (typeof size === 'number' ? [size, size] : size);

/** The transforms one after the other. Described if all of them are. */
export function compose(transforms: readonly Transform[]): Transform {
  const apply: Transform = (image, random) =>
    transforms.reduce((result, transform) => transform(result, random), image);
  const parts = transforms.flatMap(({ description }) => description ?? []);
  return parts.length === transforms.length ? describe({ name: 'compose', parts }, apply) : apply;
}

/**
 * Resizes with an antialiased bilinear filter, as Pillow does.
 * @param options.fit `'squash'` (default) fills the size whatever the aspect; `'pad'` keeps the aspect, centred on black, as `ImageOps.pad`
 */
export function resize(size: Size, options: { fit?: 'squash' | 'pad' } = {}): Transform {
  const { fit } = resolveOptions('resize', options, { fit: 'squash' });
  const [height, width] = pair(size);
  return describe({ name: 'resize', args: [size, { fit }] }, (image) => {
    if (fit === 'squash') return resized(image, height, width);
    const scale = Math.min(height / image.height, width / image.width);
    const innerHeight = Math.max(1, Math.round(image.height * scale));
    const innerWidth = Math.max(1, Math.round(image.width * scale));
    const inner = resized(image, innerHeight, innerWidth);
    return cut(inner, middle(innerHeight - height), middle(innerWidth - width), height, width);
  });
}

const resized = (image: Image, height: number, width: number): Image =>
  eachPlane(image, (plane) => resizeImage(plane, height, width));

/** n / 2, a half going to the even neighbour, as Python rounds. */
function middle(n: number): number {
  const floor = Math.floor(n / 2);
  return n % 2 === 0 || floor % 2 === 0 ? floor : floor + 1;
}

/** The part of an image from (top, left) on; black where it reaches outside. */
const cut = (image: Image, top: number, left: number, height: number, width: number): Image =>
  eachPlane(image, (plane) => cutPlane(plane, top, left, height, width));

function cutPlane(image: GrayImage, top: number, left: number, height: number, width: number): GrayImage {
  const out = createImage(width, height);
  const from = Math.max(0, left);
  const to = Math.min(image.width, left + width);
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height) && from < to; y++) {
    const row = image.data.subarray(y * image.width + from, y * image.width + to);
    out.data.set(row, (y - top) * width + from - left);
  }
  return out;
}

/** The middle part, where torchvision's CenterCrop has it; black around an image that is smaller. */
export function centerCrop(size: Size): Transform {
  const [height, width] = pair(size);
  const start = (room: number) => (room < 0 ? Math.ceil(room / 2) : middle(room));
  return describe({ name: 'centerCrop', args: [size] }, (image) =>
    cut(image, start(image.height - height), start(image.width - width), height, width),
  );
}

/**
 * A part at a random place, `padding` (default 0) black pixels around included, as torchvision's RandomCrop.
 * @throws ShapeError for an image that is smaller
 */
export function randomCrop(size: Size, options: { padding?: number } = {}): Transform {
  const { padding } = resolveOptions('randomCrop', options, { padding: 0 });
  const [height, width] = pair(size);
  return describe({ name: 'randomCrop', args: [size, { padding }] }, (image, random) => {
    const rows = image.height + 2 * padding - height;
    const columns = image.width + 2 * padding - width;
    if (rows < 0 || columns < 0) {
      throw new ShapeError(
        `randomCrop: an image of ${image.height}x${image.width} with padding ${padding} is smaller than ${height}x${width}`,
      );
    }
    const top = random.integer(rows + 1) - padding;
    const left = random.integer(columns + 1) - padding;
    return cut(image, top, left, height, width);
  });
}

/** Mirrors left and right with probability `p`, default 0.5, as torchvision's RandomHorizontalFlip. */
export function randomHorizontalFlip(p = 0.5): Transform {
  return describe({ name: 'randomHorizontalFlip', args: [p] }, (image, random) =>
    random.random() < p ? horizontalFlip(image) : image,
  );
}

/** Left and right mirrored. */
export const horizontalFlip = (image: Image): Image => eachPlane(image, flipPlane);

function flipPlane({ width, height, data }: GrayImage): GrayImage {
  const out = createImage(width, height);
  for (let y = 0; y < height; y++) {
    out.data.set(data.slice(y * width, (y + 1) * width).reverse(), y * width);
  }
  return out;
}

/** Turns about the middle by an angle within +-`degrees`, bilinearly, black where it reaches outside, as torchvision's RandomRotation. */
export function randomRotation(degrees: number): Transform {
  return describe({ name: 'randomRotation', args: [degrees] }, (image, random) =>
    rotated(image, (2 * random.random() - 1) * degrees),
  );
}

const rotated = (image: Image, degrees: number): Image =>
  eachPlane(image, (plane) => rotateImage(plane, degrees));

/**
 * Changes brightness, then contrast, as torchvision's ColorJitter: each by a factor within 1 +- its strength.
 * @param strengths of both, default 0, which leaves it as it is
 */
export function colorJitter({
  brightness = 0,
  contrast = 0,
}: {
  brightness?: number;
  contrast?: number;
}): Transform {
  const factor = (strength: number, random: Generator) =>
    Math.max(0, 1 + (2 * random.random() - 1) * strength);
  return describe({ name: 'colorJitter', args: [{ brightness, contrast }] }, (image, random) => {
    const brighter = brightness > 0 ? adjustBrightness(image, factor(brightness, random)) : image;
    return contrast > 0 ? adjustContrast(brighter, factor(contrast, random)) : brighter;
  });
}

/** factor * x of each value, rounded and held within 0 to 255. */
export function adjustBrightness(image: Image, factor: number): Image {
  return { ...image, data: image.data.map((value) => factor * value) };
}

/** mean + factor * (x - mean) of each value, with the mean of the image's luminance rounded to a gray level; rounded and held within 0 to 255. */
export function adjustContrast(image: Image, factor: number): Image {
  const gray = luminanceOf(image);
  const mean = Math.floor(gray.reduce((a, b) => a + b, 0) / gray.length + 0.5);
  return { ...image, data: image.data.map((value) => mean + factor * (value - mean)) };
}

function luminanceOf(image: Image): Uint8ClampedArray {
  if ((image.channels ?? 1) === 1) return image.data;
  const [red, green, blue] = planesOf(image).map(({ data }) => data);
  return red.map((_, i) => luminance(red[i], green[i], blue[i]));
}

/** Mean and standard deviation per channel: of one, or of three, which repeat an image's gray or are its colours. */
export interface Normalization {
  /** Of values from 0 to 1, a number for each channel. */
  readonly mean: readonly number[];
  /** Of values from 0 to 1, a number for each channel. */
  readonly std: readonly number[];
}

/** What networks trained on ImageNet expect: three channels. */
export const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** One channel, by ImageNet's statistics averaged over its three. */
export const GRAY: Normalization = { mean: [0.449], std: [0.226] };

/**
 * Writes (x / 255 - mean) / std as `[channels, height, width]` into `out` (default a new array) from `offset` (default 0)
 * on; returns `out`.
 * @throws ShapeError for an image in colours under the statistics of one channel
 */
export function normalize(
  image: Image,
  { mean, std }: Normalization,
  out: Float32Array = new Float32Array(mean.length * image.width * image.height),
  offset = 0,
): Float32Array {
  const planes = planesOf(image);
  if (planes.length > 1 && planes.length !== mean.length) {
    throw new ShapeError(`normalize: an image of ${planes.length} channels, statistics of ${mean.length}`);
  }
  mean.forEach((channelMean, channel) => {
    const levels = Float32Array.from(
      { length: 256 },
      (_, level) => (level / 255 - channelMean) / std[channel],
    );
    const { data } = planes[planes.length === 1 ? 0 : channel];
    const start = offset + channel * data.length;
    for (let i = 0; i < data.length; i++) out[start + i] = levels[data[i]];
  });
  return out;
}
