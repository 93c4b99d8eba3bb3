import type { Batch } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import { binaryCrossEntropyWithLogits } from '../ops/binary-cross-entropy.ts';
import { full } from '../tensor/create.ts';
import { tidy } from '../tensor/scope.ts';

/** The mean loss of a batch, and the logit of each of its images. */
export interface StepOutput {
  readonly loss: number;
  readonly logits: Float32Array;
}

/**
 * Forward and, where the loss is a finite number, backward: adds `share` times the gradient of the batch's mean loss to
 * the gradients of the parameters.
 */
export async function accumulateGradients(model: Module, batch: Batch, share = 1): Promise<StepOutput> {
  const { loss, logits } = tidy(() => {
    const { x, y, weight } = batch.tensors();
    const logits = model.forward(x);
    return { loss: binaryCrossEntropyWithLogits(logits, y, { weight }), logits };
  });
  try {
    const output = { loss: await loss.item(), logits: await logits.data() };
    if (Number.isFinite(output.loss)) tidy(() => loss.backward(full(loss.shape, share)));
    return output;
  } finally {
    loss.dispose();
    logits.dispose();
  }
}
