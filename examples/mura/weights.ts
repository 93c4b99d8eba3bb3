/** Weights that say what they are for, so that mura-predict needs nothing else. */
import { FormatError, StateDictError } from '../../lib/index.ts';
import { loadMetadata, loadWeights, type Region, saveWeights } from '../../lib/node.ts';
import { buildModel, type Network } from './build.ts';
import { MODELS, type Recipe } from './recipes.ts';

/** What a network is, which images it was made for, and where abnormal begins. */
export interface Purpose {
  readonly recipe: Recipe;
  /** The regions that it has learnt; none for all. */
  readonly regions: readonly Region[];
  /** Probabilities above it count as abnormal. */
  readonly threshold: number;
}

const KEY = 'gradiograph_mura';

export function saveNetwork(path: string, model: Network, purpose: Purpose): Promise<void> {
  return saveWeights(path, model.stateDict(), { [KEY]: JSON.stringify(purpose) });
}

/**
 * The network of a file that `saveNetwork` wrote.
 * @throws FormatError naming a file that is none of safetensors, or says nothing of its purpose
 * @throws StateDictError where the weights are not of the network that the file says
 */
export async function openNetwork(path: string): Promise<{ model: Network; purpose: Purpose }> {
  const text = (await loadMetadata(path))[KEY];
  if (text === undefined) {
    throw new FormatError(
      `${path}: does not say what network it is for; mura-predict wants the best.safetensors that mura-train writes`,
    );
  }
  const purpose = parsePurpose(path, text);
  const model = buildModel(purpose.recipe);
  const weights = await loadWeights(path);
  try {
    model.loadStateDict(weights);
  } catch (error) {
    if (error instanceof StateDictError)
      throw new StateDictError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
  for (const value of weights.values()) value.dispose();
  return { model, purpose };
}

function parsePurpose(path: string, text: string): Purpose {
  let purpose: Partial<Purpose> | null = null;
  try {
    purpose = JSON.parse(text);
  } catch {
    // told below
  }
  const { recipe, regions, threshold } = purpose ?? {};
  if (!recipe || !MODELS.includes(recipe.model) || !Array.isArray(regions) || typeof threshold !== 'number') {
    throw new FormatError(`${path}: what it says of its network is not what mura-train writes`);
  }
  return { recipe, regions, threshold };
}
