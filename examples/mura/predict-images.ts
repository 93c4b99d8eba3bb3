/** Probabilities of image files, by one network or the mean of several. */
import { statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FormatError, Generator, GradiographError, type models } from '../../lib/index.ts';
import { averageEvaluations, DataLoader, decodeImage, evaluate, type GrayImage } from '../../lib/node.ts';
import { prepareOf } from './build.ts';
import { loadingOf } from './train-network.ts';
import type { Purpose } from './weights.ts';

/** Images that are predicted, and held in memory, at a time. */
const AT_ONCE = 32;

const IMAGE_NAME = /^[^.].*\.(png|jpe?g)$/i;

export interface OpenedNetwork {
  readonly model: models.ImageModel;
  readonly purpose: Purpose;
}

export interface PredictedImage {
  readonly path: string;
  /** The folder that it lies in: the views of one examination. */
  readonly study: string;
  /** Of abnormal: the mean over the networks. */
  readonly probability: number;
}

export interface FailedImage {
  readonly path: string;
  readonly reason: string;
}

/**
 * The files that are named, and the PNG and JPEG files below the folders that are named.
 * @throws FormatError for a path that does not exist, or a folder without images
 */
export async function findImages(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(imagesOf));
  return [...new Set(found.flat())];
}

async function imagesOf(path: string): Promise<string[]> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new FormatError(`${path}: no such file or folder`);
  if (!stats.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const images = entries
    .filter((entry) => entry.isFile() && IMAGE_NAME.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  if (images.length === 0) throw new FormatError(`${path}: no PNG or JPEG files in this folder`);
  return images;
}

/**
 * Predicts files in parts, a part at a time in memory. A file that is no whole image is left out, with the reason.
 * @param onPart is told what a part came to, with its images as the first network saw them
 * @throws GradiographError where a network answers NaN
 */
export async function predictImages(
  networks: readonly OpenedNetwork[],
  paths: readonly string[],
  onPart: (predicted: readonly PredictedImage[], images: readonly GrayImage[]) => Promise<void>,
): Promise<FailedImage[]> {
  const failed: FailedImage[] = [];
  for (let start = 0; start < paths.length; start += AT_ONCE) {
    const decoded: { path: string; image: GrayImage }[] = [];
    for (const path of paths.slice(start, start + AT_ONCE)) {
      try {
        decoded.push({ path, image: decodeImage(await readFile(path), path) });
      } catch (error) {
        if (!(error instanceof FormatError) && !(error instanceof Error && 'syscall' in error)) throw error;
        failed.push({ path, reason: (error as Error).message.replace(`${path}: `, '') });
      }
    }
    if (decoded.length === 0) continue;
    const images = decoded.map(({ image }) => image);
    const scores = await scoresOf(networks, images);
    const odd = scores.findIndex(Number.isNaN);
    if (odd >= 0)
      throw new GradiographError(`${decoded[odd].path}: the network's answer is NaN; its weights are broken`);
    const predicted = decoded.map(({ path }, i) => ({ path, study: dirname(path), probability: scores[i] }));
    await onPart(predicted, prepare(networks[0], images));
  }
  return failed;
}

function prepare({ purpose }: OpenedNetwork, images: readonly GrayImage[]): GrayImage[] {
  const transform = prepareOf(purpose.recipe);
  return images.map((image) => transform(image, new Generator()));
}

async function scoresOf(
  networks: readonly OpenedNetwork[],
  images: readonly GrayImage[],
): Promise<Float32Array> {
  const evaluations = [];
  for (const network of networks) {
    const { recipe } = network.purpose;
    const prepared = prepare(network, images);
    const set = { length: prepared.length, image: async (i: number) => prepared[i], label: () => 0 };
    const loader = new DataLoader(set, loadingOf(recipe));
    evaluations.push(await evaluate(network.model, loader, { testTimeAugmentation: recipe.tta }));
  }
  return averageEvaluations(evaluations).scores;
}
