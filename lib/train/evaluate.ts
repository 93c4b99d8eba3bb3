import type { DataLoader } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import { sigmoid } from '../ops/activations.ts';
import { binaryCrossEntropyWithLogits } from '../ops/binary-cross-entropy.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';

/** What a model says of a data set, in the order of its images. */
export interface Evaluation {
  /** Mean binary cross-entropy, unweighted. */
  readonly loss: number;
  /** Probability of class 1. */
  readonly scores: Float32Array;
  readonly labels: Float32Array;
}

/**
 * Runs a model of one logit over every image of a loader, in evaluation mode; its mode is put back.
 * @param onBatch is told the number of images done
 */
export async function evaluate(
  model: Module,
  loader: DataLoader,
  onBatch?: (done: number) => void,
): Promise<Evaluation> {
  const { training } = model;
  const scores = new Float32Array(loader.dataset.length);
  const labels = new Float32Array(loader.dataset.length);
  let [sum, done] = [0, 0];
  model.eval();
  try {
    for await (const batch of loader) {
      const { loss, probabilities } = noGrad(() =>
        tidy(() => {
          const { x, y } = batch.tensors();
          const logits = model.forward(x);
          return { loss: binaryCrossEntropyWithLogits(logits, y), probabilities: sigmoid(logits) };
        }),
      );
      sum += (await loss.item()) * batch.size;
      const values = await probabilities.data();
      loss.dispose();
      probabilities.dispose();
      batch.indices.forEach((index, i) => {
        scores[index] = values[i];
        labels[index] = batch.targets[i];
      });
      done += batch.size;
      onBatch?.(done);
    }
  } finally {
    model.train(training);
  }
  return { loss: sum / done, scores, labels };
}
