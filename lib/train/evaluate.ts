import { resolveOptions } from '../arguments.ts';
import type { Batch } from '../data/batch.ts';
import type { DataLoader } from '../data/loader.ts';
import { ShapeError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import type { HostTensor } from '../serialize/safetensors.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tensor } from '../tensor/create.ts';
import { tidy } from '../tensor/scope.ts';
import type { Shape } from '../tensor/shape.ts';
import { BINARY, checkOutput, type Objective, type ObjectiveOptions, objectiveOf } from './objective.ts';

/** What a model says of a data set, in the order of its samples. */
export interface Evaluation {
  /** The mean over the samples, unweighted. */
  readonly loss: number;
  /** Probabilities: `[N]` of class 1, or `[N, classes]`; with a loss of your own the outputs as they are. */
  readonly scores: Float32Array;
  /** The targets, `[N, ...targetShape]`. */
  readonly labels: Float32Array;
  /** Of the scores, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The options of `evaluate`. */
export interface EvaluateOptions extends ObjectiveOptions {
  /**
   * Scores each image by the mean probability of itself and its mirror image, at twice the time, for a model of one
   * logit. Default false.
   */
  testTimeAugmentation?: boolean;
  /** Is told the number of samples done. */
  onBatch?: (done: number) => void;
}

/**
 * Runs a model over every sample of a loader, in evaluation mode; its mode is put back.
 * @throws ShapeError for a model of other outputs than the loss wants, or a loader that leaves samples out
 */
export async function evaluate(
  model: Module,
  loader: DataLoader,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { testTimeAugmentation, onBatch, loss, metrics } = resolveOptions('evaluate', options, {
    testTimeAugmentation: false,
    onBatch: undefined,
    loss: undefined,
    metrics: undefined,
  });
  const objective = objectiveOf(loader.targetShape, { loss, metrics });
  const isBinary = objective.loss === BINARY.loss;
  if (testTimeAugmentation && !isBinary) {
    throw new ShapeError('evaluate: testTimeAugmentation is for a model of one logit and its default loss');
  }
  const [scores, labels] = [new Rows(loader), new Rows(loader)];
  let sum = 0;
  await visitBatches(model, loader, onBatch, async (batch) => {
    const part = isBinary
      ? await scoreBinary(model, batch, objective, testTimeAugmentation)
      : await scoreBatch(model, batch, objective);
    sum += part.lossSum;
    scores.set(batch, part.scores);
    labels.set(batch, batch.targets);
  });
  const samples = loader.dataset.length;
  return {
    loss: sum / samples,
    scores: scores.data,
    labels: labels.data,
    metrics: objective.metrics?.(scores.data, labels.data, samples) ?? {},
  };
}

/**
 * Runs a model over every sample of a loader, in evaluation mode, and gives its outputs as they are; its mode is put
 * back.
 * @returns `[N, ...]`, in the data set's order
 * @throws ShapeError for a loader that leaves samples out
 */
export async function predict(
  model: Module,
  loader: DataLoader,
  { onBatch }: Pick<EvaluateOptions, 'onBatch'> = {},
): Promise<HostTensor> {
  const rows = new Rows(loader);
  let shape: Shape = [];
  await visitBatches(model, loader, onBatch, async (batch) => {
    using output = forward(model, batch, batch.inputs);
    shape = output.shape.slice(1);
    rows.set(batch, await output.data());
  });
  return { shape: [loader.dataset.length, ...shape], data: rows.data };
}

async function visitBatches(
  model: Module,
  loader: DataLoader,
  onBatch: ((done: number) => void) | undefined,
  visit: (batch: Batch) => Promise<void>,
): Promise<void> {
  const { training } = model;
  let done = 0;
  model.eval();
  try {
    for await (const batch of loader) {
      await visit(batch);
      done += batch.size;
      onBatch?.(done);
    }
  } finally {
    model.train(training);
  }
  if (done !== loader.dataset.length) {
    throw new ShapeError(
      `evaluate: the loader gave ${done} of ${loader.dataset.length} samples; make it without dropLast`,
    );
  }
}

const forward = (model: Module, { shape }: Batch, inputs: Float32Array) =>
  noGrad(() => tidy(() => model.forward(tensor(inputs, shape))));

/** Numbers of each sample, where it stands in the data set. */
class Rows {
  data = new Float32Array();
  readonly #samples: number;

  constructor({ dataset }: DataLoader) {
    this.#samples = dataset.length;
  }

  set({ indices }: Batch, rows: ArrayLike<number>): void {
    const width = rows.length / indices.length;
    if (this.data.length === 0) this.data = new Float32Array(this.#samples * width);
    indices.forEach((index, i) => {
      for (let j = 0; j < width; j++) this.data[index * width + j] = rows[i * width + j];
    });
  }
}

interface Scored {
  readonly scores: ArrayLike<number>;
  readonly lossSum: number;
}

/** By the objective's loss, on the device. */
async function scoreBatch(model: Module, batch: Batch, objective: Objective): Promise<Scored> {
  const { loss, output } = noGrad(() =>
    tidy(() => {
      const { x, y } = batch.tensors();
      const output = model.forward(x);
      checkOutput('evaluate', objective, output, batch);
      return { loss: objective.loss(output, y, null), output };
    }),
  );
  try {
    const scores = objective.scores(await output.data(), output.size / batch.size);
    return { scores, lossSum: (await loss.item()) * batch.size };
  } finally {
    loss.dispose();
    output.dispose();
  }
}

/** Of one logit an image, or the mean probability of an image and its mirror image; the loss is exact in float64. */
async function scoreBinary(
  model: Module,
  batch: Batch,
  objective: Objective,
  isAugmented: boolean,
): Promise<Scored> {
  const views: Float32Array[] = [];
  for (const inputs of isAugmented ? [batch.inputs, mirrored(batch)] : [batch.inputs]) {
    using logits = forward(model, batch, inputs);
    checkOutput('evaluate', objective, logits, batch);
    views.push(await logits.data());
  }
  let lossSum = 0;
  const scores = Array.from(batch.targets, (label, i) => {
    const [log0, log1] = logProbabilities(views.map((logits) => logits[i]));
    lossSum -= label * log1 + (1 - label) * log0;
    return Math.exp(log1);
  });
  return { scores, lossSum };
}

/** The images with left and right exchanged: each row from its end. */
function mirrored({ inputs, shape }: Batch): Float32Array {
  const width = shape[3];
  return inputs.map((_, i) => inputs[i - (i % width) + width - 1 - (i % width)]);
}

/** The logarithms of the mean probability of class 0 and of class 1; exact where the probability rounds to 0 or 1. */
function logProbabilities(logits: readonly number[]): [number, number] {
  const logMean = (logs: readonly number[]) => {
    const top = Math.max(...logs);
    return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / logs.length);
  };
  return [logMean(logits.map((z) => logSigmoid(-z))), logMean(logits.map(logSigmoid))];
}

const logSigmoid = (z: number): number => Math.min(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));

/**
 * The ensemble of several models of one logit on one data set: for each image the mean of their probabilities. Its loss
 * is of those, with logarithms held above -100, as PyTorch's `binary_cross_entropy` has it.
 * @throws ShapeError without evaluations, or where they are of different images
 */
export function averageEvaluations(evaluations: readonly Omit<Evaluation, 'metrics'>[]): Evaluation {
  if (evaluations.length === 0) throw new ShapeError('averageEvaluations: wants one evaluation or more');
  const [{ labels }] = evaluations;
  for (const [i, other] of evaluations.entries()) {
    if (other.labels.length !== labels.length || other.labels.some((label, j) => label !== labels[j])) {
      throw new ShapeError(`averageEvaluations: evaluation ${i} is not of the same images as the first`);
    }
  }
  const scores = labels.map((_, i) => mean(evaluations.map((evaluation) => evaluation.scores[i])));
  const log = (p: number) => Math.max(-100, Math.log(p));
  const losses = Array.from(scores, (p, i) => -(labels[i] * log(p) + (1 - labels[i]) * log(1 - p)));
  return {
    loss: mean(losses),
    scores,
    labels,
    metrics: BINARY.metrics?.(scores, labels, labels.length) ?? {},
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
