/** Pictures of radiographs under a map of what spoke for abnormal. */
import { readFile } from 'node:fs/promises';
import { Generator, type models, tensor } from '../../lib/index.ts';
import {
  decodeImage,
  type GalleryItem,
  type GrayImage,
  naming,
  overlayPng,
  type ScoredImage,
  transforms,
} from '../../lib/node.ts';
import { mapActivations, normalizationOf, prepareOf } from './build.ts';
import type { Recipe } from './recipes.ts';

/** The longest side of a report's pictures, in pixels. */
const GALLERY_SIDE = 256;

/**
 * A PNG file of each image under what the network found in it.
 * @param shown the image below the map: default the one given, at its own size
 */
export async function drawMaps(
  network: models.ImageModel,
  recipe: Recipe,
  images: readonly GrayImage[],
  shown = (image: GrayImage) => image,
): Promise<Uint8Array[]> {
  const normalization = normalizationOf(recipe);
  const [channels, { size, fit }] = [normalization.mean.length, recipe];
  const prepare = prepareOf(recipe);
  const pictures: Uint8Array[] = [];
  for (let start = 0; start < images.length; start += recipe.batch) {
    const part = images.slice(start, start + recipe.batch);
    const inputs = new Float32Array(part.length * channels * size * size);
    part.forEach((image, i) => {
      const seen = prepare(image, new Generator());
      transforms.normalize(seen, normalization, inputs, i * channels * size * size);
    });
    using x = tensor(inputs, [part.length, channels, size, size]);
    const maps = await mapActivations(network, x);
    pictures.push(...part.map((image, i) => overlayPng(shown(image), maps[i], { fit })));
  }
  return pictures;
}

/** The chosen images with their pictures. */
export async function drawGallery(
  network: models.ImageModel,
  recipe: Recipe,
  chosen: readonly ScoredImage[],
): Promise<GalleryItem[]> {
  const images: GrayImage[] = [];
  for (const { path } of chosen) images.push(decodeImage(await naming(path, () => readFile(path)), path));
  const pictures = await drawMaps(network, recipe, images, shrink);
  return chosen.map((image, i) => ({ image, picture: pictures[i] }));
}

/** The image with its longest side at most a picture's. */
function shrink(image: GrayImage): GrayImage {
  const scale = GALLERY_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const [height, width] = [image.height, image.width].map((side) => Math.max(1, Math.round(side * scale)));
  return transforms.resize([height, width])(image, new Generator());
}
