/** Our networks beside torchvision's: weights by one formula, then outputs, gradients and training compared. */
import { F, memory, models, optim, type Tensor, tensor, tidy } from '../../lib/index.ts';
import recorded from '../golden/models.json' with { type: 'json' };
import { decode } from '../support/close-to.ts';
import { hashed } from '../support/hashed.ts';

export interface GoldenModel {
  readonly name: 'resnet18' | 'resnet50' | 'densenet121';
  readonly classes: number;
  readonly targets: number[];
  readonly noiseSeed: number;
  /** By how many NUDGEs biases are raised, by name and channel. */
  readonly nudges: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly sgd: { readonly lr: number; readonly momentum: number; readonly weightDecay: number };
  readonly logits: string;
  /** Before the first step, and after each. */
  readonly losses: number[];
  /** By parameter the norm of its gradient, then samples of it; after the first pass. */
  readonly gradients: Readonly<Record<string, string>>;
  /** The same of running means and variances. */
  readonly statistics: Readonly<Record<string, string>>;
}

export const MODELS = recorded as unknown as readonly GoldenModel[];

/** Relative distances from PyTorch's float64 values; of many tensors the largest, with the tensor's name. */
export interface Distances {
  readonly logits: number;
  readonly gradients: readonly [name: string, distance: number];
  readonly statistics: readonly [name: string, distance: number];
  /** Before the first step, and after each. */
  readonly losses: readonly number[];
  /** How many tensors were alive after each step. */
  readonly tensors: readonly number[];
}

/** The FNV-1a hash of a parameter's name seeds its values. */
function fnv1a(name: string): number {
  let word = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) word = Math.imul(word ^ name.charCodeAt(i), 0x01000193);
  return word >>> 0;
}

const NUDGE = 1 / 256;

/** As `initialise` in golden/record_models.py. */
export function initialValues(name: string, { shape, size, rank }: Tensor): Float32Array {
  const fanIn = size / shape[0];
  const he = Math.sqrt(6 / fanIn);
  if (rank === 4) return hashed(size, fnv1a(name), -he, he);
  if (rank === 2) return hashed(size, fnv1a(name), -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
  return name.endsWith('weight') ? hashed(size, fnv1a(name), 0.8, 1.2) : hashed(size, fnv1a(name), 0.5, 1);
}

/** As `images` in golden/record_models.py: `[2, 3, 64, 64]`. */
function images(noiseSeed: number): Tensor {
  const patches = hashed(2 * 3 * 8 * 8, 1);
  const noise = hashed(2 * 3 * 64 * 64, noiseSeed, -0.2, 0.2);
  const patchOf = (pixel: number) =>
    Math.floor(pixel / 4096) * 64 + Math.floor((pixel % 4096) / 512) * 8 + Math.floor((pixel % 64) / 8);
  return tensor(
    noise.map((value, pixel) => value + patches[patchOf(pixel)]),
    [2, 3, 64, 64],
  );
}

/** [norm, samples...], as `summary` in golden/record_models.py. */
function summary(name: string, values: Float32Array, samples: number): Float32Array {
  const places = hashed(samples, fnv1a(name) + 1, 0, values.length);
  const sampled = places.map((place) => values[Math.min(Math.floor(place), values.length - 1)]);
  return Float32Array.of(norm(values), ...sampled);
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

const distance = (ours: Float32Array, theirs: Float32Array): number =>
  norm(ours.map((x, i) => x - theirs[i])) / norm(theirs);

/** The largest relative distance of a norm or of the samples, over all tensors that PyTorch recorded. */
async function farthest(
  ours: ReadonlyMap<string, Tensor | null>,
  theirs: Readonly<Record<string, string>>,
): Promise<[string, number]> {
  let worst: [string, number] = ['', 0];
  for (const [name, data] of Object.entries(theirs)) {
    const values = await ours.get(name)?.data();
    if (!values) throw new Error(`${name}: torchvision has it, our network has not`);
    const golden = decode(data);
    const made = summary(name, values, golden.length - 1);
    for (const part of [
      [0, 1],
      [1, golden.length],
    ]) {
      const far = distance(made.subarray(...part), golden.subarray(...part));
      if (!(far <= worst[1])) worst = [name, far];
    }
  }
  return worst;
}

/** Trains one of our networks as the script trained torchvision's, on the current device. */
export async function compare(golden: GoldenModel): Promise<Distances> {
  const model = models[golden.name]({ numClasses: golden.classes }).train();
  const parameters = model.namedParameters();
  if ([...parameters.keys()].join() !== Object.keys(golden.gradients).join()) {
    throw new Error(`${golden.name}: parameters are not named, or not ordered, as torchvision's`);
  }
  for (const [name, parameter] of parameters) {
    const values = initialValues(name, parameter);
    for (const [channel, steps] of Object.entries(golden.nudges[name] ?? {})) {
      values[Number(channel)] += NUDGE * steps;
    }
    parameter.assign(parameter.device.upload(values));
  }
  const optimizer = new optim.SGD(model.parameters(), golden.sgd);
  const [x, y] = [images(golden.noiseSeed), tensor(golden.targets)];

  const pass = () =>
    tidy(() => {
      const logits = model.forward(x);
      const loss = F.crossEntropy(logits, y);
      optimizer.zeroGrad();
      loss.backward();
      return { logits, loss };
    });
  const far = async (loss: Tensor, expected: number) => Math.abs((await loss.item()) - expected) / expected;

  let { logits, loss } = pass();
  const first = {
    logits: distance(await logits.data(), decode(golden.logits)),
    gradients: await farthest(gradientsOf(parameters), golden.gradients),
    statistics: await farthest(model.stateDict(), golden.statistics),
  };
  const losses = [await far(loss, golden.losses[0])];
  const tensors: number[] = [];
  for (const expected of golden.losses.slice(1)) {
    optimizer.step();
    for (const spent of [logits, loss]) spent.dispose();
    ({ logits, loss } = pass());
    losses.push(await far(loss, expected));
    tensors.push(memory().tensors);
  }
  for (const spent of [logits, loss, x, y, ...optimizer.stateDict().tensors.values()]) spent.dispose();
  model.dispose();
  return { ...first, losses, tensors };
}

const gradientsOf = (parameters: ReadonlyMap<string, Tensor>): Map<string, Tensor | null> =>
  new Map([...parameters].map(([name, { grad }]) => [name, grad]));
