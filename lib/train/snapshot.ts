import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { download, type HostTensor } from '../serialize/safetensors.ts';
import { tensor } from '../tensor/create.ts';
import { generator } from '../tensor/random.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A model's parameters and buffers at one moment, outside any device. */
export type Snapshot = ReadonlyMap<string, HostTensor>;

/** @throws StateDictError where the snapshot is of another model */
export function restoreSnapshot(model: Module, snapshot: Snapshot): void {
  tidy(() => void model.loadStateDict(upload(snapshot)));
}

const upload = (snapshot: Snapshot): Map<string, Tensor> =>
  new Map([...snapshot].map(([name, { data, shape }]) => [name, tensor(data, shape)]));

/**
 * Remembers the weights, buffers and mode of a model, an optimiser's options and state, and the random generator.
 * @returns a function that puts all of it back, and drops the gradients
 */
export async function rememberTraining(model: Module, optimizer: Optimizer): Promise<() => void> {
  const { training } = model;
  const weights = await download(model.stateDict());
  const { tensors, ...options } = optimizer.stateDict();
  const state = await download(tensors);
  const random = generator.state;
  return () => {
    model.train(training);
    restoreSnapshot(model, weights);
    optimizer.zeroGrad();
    tidy(() => optimizer.loadStateDict({ ...options, tensors: upload(state) }));
    generator.state = random;
  };
}
