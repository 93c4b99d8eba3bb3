import type { Module } from '../nn/module.ts';
import type { GroupOptions } from '../optim/optimizer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Callback } from './callback.ts';

/** How a network that comes with weights is fitted to another task (Howard & Ruder 2018, sections 3.2 and 3.3). */
export interface FineTuning {
  /** Epochs in which only the head learns. */
  readonly frozenEpochs: number;
  /** Unfreeze one stage an epoch after those, from the head down; false: all at once. */
  readonly gradual: boolean;
  /** Each stage's learning rate is that of the stage above it times this; 1: all learn alike. */
  readonly layerDecay: number;
}

/** A network that tells its parts, from the image to the head: those of `models` do. */
export interface StagedModel extends Module {
  /** The groups of modules that are frozen and unfrozen together, from the image to the head. */
  stages(): Module[][];
}

/** A parameter group of one stage. */
export interface StageGroup extends GroupOptions {
  /** The parameters of the stage. */
  params: Tensor[];
}

const parametersOf = (stage: readonly Module[]): Tensor[] => stage.flatMap((module) => module.parameters());

/** Parameter groups for an optimiser, a stage each: the head learns at `lr`, the stage i below it at lr * layerDecay^i. */
export function layerGroups(model: StagedModel, lr: number, layerDecay: number): StageGroup[] {
  const stages = model.stages();
  return stages.map((stage, i) => ({
    params: parametersOf(stage),
    lr: lr * layerDecay ** (stages.length - 1 - i),
  }));
}

/**
 * Freezes the stages that do not learn in an epoch (from 1), and unfreezes the others.
 * @returns the number of stages that learn
 */
export function unfreeze(model: StagedModel, epoch: number, { frozenEpochs, gradual }: FineTuning): number {
  const stages = model.stages();
  const beyond = Math.max(0, epoch - frozenEpochs);
  let learning = stages.length;
  if (beyond === 0) learning = 1;
  else if (gradual) learning = Math.min(stages.length, 1 + beyond);
  stages.forEach((stage, i) => {
    for (const parameter of parametersOf(stage)) parameter.setRequiresGrad(i >= stages.length - learning);
  });
  return learning;
}

/** For `fit`: unfreezes at the beginning of each epoch what is to learn in it. */
export const unfreezing = (model: StagedModel, fineTuning: FineTuning): Callback => ({
  onEpochBegin: (epoch) => void unfreeze(model, epoch, fineTuning),
});
