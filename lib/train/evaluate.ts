import type { Batch, DataLoader } from '../data/loader.ts';
import { ShapeError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tensor } from '../tensor/create.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape } from '../tensor/shape.ts';

/** What a model says of a data set, in the order of its images. */
export interface Evaluation {
  /** Mean binary cross-entropy, unweighted. */
  readonly loss: number;
  /** Probability of class 1. */
  readonly scores: Float32Array;
  readonly labels: Float32Array;
}

export interface EvaluateOptions {
  /** Scores each image by the mean probability of itself and its mirror image, at twice the time. Default false. */
  testTimeAugmentation?: boolean;
  /** Is told the number of images done. */
  onBatch?: (done: number) => void;
}

/**
 * Runs a model of one logit over every image of a loader, in evaluation mode; its mode is put back.
 * @throws ShapeError for a model of more logits, or a loader that leaves images out
 */
export async function evaluate(
  model: Module,
  loader: DataLoader,
  { testTimeAugmentation = false, onBatch }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { training } = model;
  const scores = new Float32Array(loader.dataset.length);
  const labels = new Float32Array(loader.dataset.length);
  let [sum, done] = [0, 0];
  model.eval();
  try {
    for await (const batch of loader) {
      const views = [await logitsOf(model, batch, batch.inputs)];
      if (testTimeAugmentation) views.push(await logitsOf(model, batch, mirrored(batch)));
      batch.indices.forEach((index, i) => {
        const [log0, log1] = logProbabilities(views.map((logits) => logits[i]));
        scores[index] = Math.exp(log1);
        labels[index] = batch.targets[i];
        sum -= labels[index] * log1 + (1 - labels[index]) * log0;
      });
      done += batch.size;
      onBatch?.(done);
    }
  } finally {
    model.train(training);
  }
  if (done !== loader.dataset.length) {
    throw new ShapeError(
      `evaluate: the loader gave ${done} of ${loader.dataset.length} images; make it without dropLast`,
    );
  }
  return { loss: sum / done, scores, labels };
}

async function logitsOf(model: Module, { shape, size }: Batch, inputs: Float32Array): Promise<Float32Array> {
  using logits = noGrad(() => tidy(() => model.forward(tensor(inputs, shape))));
  if (logits.size !== size) {
    throw new ShapeError(
      `evaluate: the model gives ${formatShape(logits.shape)}, wants one logit an image, [${size}, 1]`,
    );
  }
  return await logits.data();
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
 * The ensemble of several models on one data set: for each image the mean of their probabilities. Its loss is of those,
 * with logarithms held above -100, as PyTorch's `binary_cross_entropy` has it.
 * @throws ShapeError without evaluations, or where they are of different images
 */
export function averageEvaluations(evaluations: readonly Evaluation[]): Evaluation {
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
  return { loss: mean(losses), scores, labels };
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
