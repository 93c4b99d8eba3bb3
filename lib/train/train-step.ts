import type { Batch } from '../data/batch.ts';
import type { Module } from '../nn/module.ts';
import { full } from '../tensor/create.ts';
import { tidy } from '../tensor/scope.ts';
import { checkOutput, type Objective } from './objective.ts';

/** The mean loss of a batch, and the model's outputs for its samples. */
export interface StepOutput {
  readonly loss: number;
  readonly outputs: Float32Array;
}

/**
 * Forward and, where the loss is a finite number, backward: adds `fraction` times the gradient of the batch's mean loss to
 * the gradients of the parameters.
 */
export async function accumulateGradients(
  model: Module,
  batch: Batch,
  objective: Objective,
  fraction = 1,
): Promise<StepOutput> {
  const { loss, output } = tidy(() => {
    const { x, y, weight } = batch.tensors();
    const output = model.forward(x);
    checkOutput('fit', objective, output, batch);
    return { loss: objective.loss(output, y, weight), output };
  });
  try {
    const step = { loss: await loss.item(), outputs: await output.data() };
    if (Number.isFinite(step.loss)) tidy(() => loss.backward(full(loss.shape, fraction)));
    return step;
  } finally {
    loss.dispose();
    output.dispose();
  }
}
