/** Weights that say what they are for, so that mura-predict needs nothing else. */
import { FormatError, type models, StateDictError, type Tensor } from '../../lib/index.ts';
import {
  loadMetadata,
  loadWeights,
  naming,
  parseJson,
  type Region,
  readers,
  saveWeights,
} from '../../lib/node.ts';
import { buildModel } from './build.ts';
import { readRecipe, readRegions } from './read-settings.ts';
import { isCnn, type Recipe } from './recipes.ts';

/** What a network is, which images it was made for, and where abnormal begins. */
export interface ModelCard {
  readonly recipe: Recipe;
  /** The regions that it has learnt; none for all. */
  readonly regions: readonly Region[];
  /** Probabilities above it count as abnormal. */
  readonly threshold: number;
}

const KEY = 'gradiograph_mura';

export function saveNetwork(path: string, model: models.ImageModel, card: ModelCard): Promise<void> {
  return saveWeights(path, model.stateDict(), { [KEY]: JSON.stringify(card) });
}

const readModelCard = readers.object<ModelCard>({
  recipe: readRecipe,
  regions: readRegions,
  threshold: readers.within(0, 1),
});

/**
 * The network of a file that `saveNetwork` wrote.
 * @throws FormatError naming a file that is none of safetensors, or the field of what it says that is wrong
 * @throws StateDictError where the weights are not of the network that the file says
 */
export async function openNetwork(path: string): Promise<{ model: models.ImageModel; card: ModelCard }> {
  const text = (await loadMetadata(path))[KEY];
  if (text === undefined) {
    throw new FormatError(
      `${path}: does not say what network it is for; mura-predict wants the best.safetensors that mura-train writes`,
    );
  }
  const card = await naming(path, () => readModelCard(parseJson(text), KEY));
  const weights = await loadWeights(path);
  try {
    return { model: await naming(path, () => fill(card.recipe, weights)), card };
  } finally {
    for (const value of weights.values()) value.dispose();
  }
}

/** The network of a recipe, with these weights. */
function fill(recipe: Recipe, weights: ReadonlyMap<string, Tensor>): models.ImageModel {
  const held = [...weights.values()].reduce((sum, { size }) => sum + size, 0);
  const wanted = leastValues(recipe);
  if (wanted > held) {
    throw new StateDictError(
      `${KEY} names a network whose dense layers alone have ${wanted} values, the file holds ${held}`,
    );
  }
  const model = buildModel(recipe);
  try {
    model.loadStateDict(weights);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/**
 * The least number of values that the dense layers of a recipe's network have, as far as they grow with its size and
 * widths, of which a small file could name any: it is held to them before the network is built.
 */
function leastValues({ model, size, head }: Recipe): number {
  // The first dense layer of each cnn has 2^16 values or more for every 32x32 pixels.
  if (isCnn(model)) return 2 ** 16 * Math.floor(size / 32) ** 2;
  const widths = (head ?? []).filter((layer) => typeof layer === 'number');
  return widths.reduce((sum, width, i) => sum + width * (widths[i - 1] ?? 1), 0);
}
