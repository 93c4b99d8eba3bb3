/** Pictures of radiographs under a map of what spoke for abnormal. */
import { type models, tensor } from '../../lib/index.ts';
import {
  type GalleryItem,
  type GrayImage,
  type MuraDataset,
  overlayPng,
  type ScoredImage,
  transforms,
} from '../../lib/node.ts';
import { mapActivations, normalizationOf } from './build.ts';
import type { Recipe } from './recipes.ts';

/** A PNG file of each image, all of the recipe's size. */
export async function drawMaps(
  network: models.ImageModel,
  recipe: Recipe,
  images: readonly GrayImage[],
): Promise<Uint8Array[]> {
  const normalization = normalizationOf(recipe);
  const [channels, { size }] = [normalization.mean.length, recipe];
  const pictures: Uint8Array[] = [];
  for (let start = 0; start < images.length; start += recipe.batch) {
    const part = images.slice(start, start + recipe.batch);
    const inputs = new Float32Array(part.length * channels * size * size);
    part.forEach((image, i) => {
      transforms.normalize(image, normalization, inputs, i * channels * size * size);
    });
    using x = tensor(inputs, [part.length, channels, size, size]);
    const maps = await mapActivations(network, x);
    pictures.push(...part.map((image, i) => overlayPng(image, maps[i])));
  }
  return pictures;
}

/** The chosen images of a set with their pictures. */
export async function drawGallery(
  network: models.ImageModel,
  recipe: Recipe,
  set: MuraDataset,
  chosen: readonly ScoredImage[],
): Promise<GalleryItem[]> {
  const places = new Map(set.images.map(({ path }, index) => [path, index]));
  const images = await Promise.all(chosen.map(({ path }) => set.image(places.get(path) ?? -1)));
  const pictures = await drawMaps(network, recipe, images);
  return chosen.map((image, i) => ({ image, picture: pictures[i] }));
}
