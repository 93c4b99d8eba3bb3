/** Probabilities of image files, by one network or the mean of several. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FormatError, Generator, GradiographError, type models } from '../../lib/index.ts';
import {
  averageEvaluations,
  DataLoader,
  decodeImage,
  evaluate,
  type GrayImage,
  printable,
} from '../../lib/node.ts';
import { prepareOf } from './build.ts';
import type { LeftOut } from './find-images.ts';
import { loadingOf } from './train-network.ts';
import type { ModelCard } from './weights.ts';

/** Images that are predicted, and held in memory, at a time; fewer where they have many pixels. */
const AT_ONCE = 32;
const PIXELS_AT_ONCE = 100_000_000;

export interface OpenedNetwork {
  readonly model: models.ImageModel;
  readonly card: ModelCard;
}

export interface PredictedImage {
  readonly path: string;
  /** The folder that it lies in: the views of one examination. */
  readonly study: string;
  /** Of abnormal: the mean over the networks. */
  readonly probability: number;
}

/**
 * Predicts files in parts, a part at a time in memory. A file that is no whole image is left out, with the reason.
 * @param onPart is told what a part came to, with its images as they are
 * @throws GradiographError where a network answers NaN
 */
export async function predictImages(
  networks: readonly OpenedNetwork[],
  paths: readonly string[],
  onPart: (predicted: readonly PredictedImage[], images: readonly GrayImage[]) => Promise<void>,
): Promise<LeftOut[]> {
  const failed: LeftOut[] = [];
  let part: { path: string; image: GrayImage }[] = [];
  const predictPart = async () => {
    if (part.length === 0) return;
    const images = part.map(({ image }) => image);
    const scores = await scoresOf(networks, images);
    const odd = scores.findIndex(Number.isNaN);
    if (odd >= 0)
      throw new GradiographError(
        `${printable(part[odd].path)}: the network's answer is NaN; its weights are broken`,
      );
    const predicted = part.map(({ path }, i) => ({ path, study: dirname(path), probability: scores[i] }));
    await onPart(predicted, images);
    part = [];
  };
  for (const path of paths) {
    try {
      part.push({ path, image: decodeImage(await readFile(path), path) });
    } catch (error) {
      if (!(error instanceof FormatError) && !(error instanceof Error && 'syscall' in error)) throw error;
      failed.push({ path, reason: (error as Error).message.replace(`${path}: `, '') });
    }
    const pixels = part.reduce((sum, { image }) => sum + image.data.length, 0);
    if (part.length === AT_ONCE || pixels > PIXELS_AT_ONCE) await predictPart();
  }
  await predictPart();
  return failed;
}

function prepare({ card }: OpenedNetwork, images: readonly GrayImage[]): GrayImage[] {
  const transform = prepareOf(card.recipe);
  return images.map((image) => transform(image, new Generator()));
}

async function scoresOf(
  networks: readonly OpenedNetwork[],
  images: readonly GrayImage[],
): Promise<Float32Array> {
  const evaluations = [];
  for (const network of networks) {
    const { recipe } = network.card;
    const prepared = prepare(network, images);
    const set = { length: prepared.length, image: async (i: number) => prepared[i], target: () => 0 };
    const loader = new DataLoader(set, loadingOf(recipe));
    evaluations.push(await evaluate(network.model, loader, { testTimeAugmentation: recipe.tta }));
  }
  return averageEvaluations(evaluations).scores;
}
