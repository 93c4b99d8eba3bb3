/** What a training minimises, and how its outputs are judged. */
import type { Batch } from '../data/batch.ts';
import { ShapeError } from '../errors.ts';
import { binaryCrossEntropyWithLogits } from '../ops/binary-cross-entropy.ts';
import { crossEntropy } from '../ops/cross-entropy.ts';
import { mean } from '../ops/mean.ts';
import { mul } from '../ops/mul.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { classMetrics } from './class-metrics.ts';
import { computeMetrics } from './metrics.ts';
import type { Numbers } from './predictions.ts';

/**
 * The mean loss of a batch, of one value, from the model's output, the targets `[N, ...targetShape]` and, where the loader
 * has them, the samples' weights (of the targets' rank, 1 on all axes but the first).
 */
export type LossFunction = (output: Tensor, target: Tensor, weight: Tensor | null) => Tensor;

/** Figures by name, from the scores `[N, ...]` of an epoch's samples and their targets `[N, ...targetShape]`, row by row. */
export type MetricFunction = (
  scores: Numbers,
  targets: Numbers,
  samples: number,
) => Readonly<Record<string, number>>;

export interface Objective {
  readonly loss: LossFunction;
  /** What metrics get of the outputs, `width` numbers a sample: probabilities, where the loss has such. */
  readonly scores: (outputs: Numbers, width: number) => Numbers;
  /** Null where there are none: outputs are then not kept. */
  readonly metrics: MetricFunction | null;
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** One logit a sample, targets 0 or 1 `[N, 1]`: cross-entropy; accuracy and kappa at 0.5, AUROC. */
export const BINARY: Objective = {
  loss: (output, target, weight) => binaryCrossEntropyWithLogits(output, target, { weight }),
  scores: (logits) => Array.from(logits, sigmoid),
  metrics: (scores, labels) => {
    const { accuracy, auroc, kappa } = computeMetrics(labels, scores);
    return { accuracy, auroc, kappa };
  },
};

/** A logit for each class, targets class indices `[N]`: cross-entropy; accuracy and macro AUROC. */
export const CLASSES: Objective = {
  loss: (output, target, weight) => {
    if (!weight) return crossEntropy(output, target);
    return mean(mul(crossEntropy(output, target, { reduction: 'none' }), weight));
  },
  scores: (logits, classes) => softmaxRows(logits, classes),
  metrics: classMetrics,
};

/** Rows of `width` logits to probabilities. */
export function softmaxRows(logits: Numbers, width: number): Float64Array {
  const scores = Float64Array.from(logits);
  for (let start = 0; start < scores.length; start += width) {
    const row = scores.subarray(start, start + width);
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((total, z) => total + Math.exp(z - top), 0);
    row.forEach((z, i) => {
      row[i] = Math.exp(z - top) / sum;
    });
  }
  return scores;
}

/** What a training minimises, and how its outputs are judged. */
export interface ObjectiveOptions {
  /**
   * Default binary cross-entropy for targets of one number each (`targetShape` [1]), cross-entropy for class indices
   * (`targetShape` []).
   */
  loss?: LossFunction;
  /** Default those of the default loss; none beside a loss of your own. */
  metrics?: MetricFunction;
}

/** @throws ShapeError for targets that have no default loss */
export function objectiveOf(targetShape: Shape, { loss, metrics }: ObjectiveOptions): Objective {
  if (loss) return { loss, scores: (outputs) => outputs, metrics: metrics ?? null };
  const standard = targetShape.length === 0 ? CLASSES : String(targetShape) === '1' ? BINARY : null;
  if (!standard) {
    throw new ShapeError(
      `fit: targets of shape ${formatShape(targetShape)} have no default loss; pass { loss: (output, target) => ... }`,
    );
  }
  return metrics ? { ...standard, metrics } : standard;
}

/** @throws ShapeError where an objective of logits gets outputs of another shape */
export function checkOutput(op: string, objective: Objective, output: Tensor, { size }: Batch): void {
  const { shape } = output;
  const fits =
    objective.loss === BINARY.loss
      ? output.size === size
      : objective.loss !== CLASSES.loss || (shape.length === 2 && shape[0] === size);
  if (fits) return;
  const wants = objective.loss === BINARY.loss ? 'one logit a sample' : 'a logit for each class';
  throw new ShapeError(
    `${op}: the model gives ${formatShape(shape)}, wants ${wants}, [${size}, ${objective.loss === BINARY.loss ? 1 : 'classes'}]`,
  );
}
