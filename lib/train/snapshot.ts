import type { Module } from '../nn/module.ts';
import { tensor } from '../tensor/create.ts';
import { tidy } from '../tensor/scope.ts';
import type { Shape } from '../tensor/shape.ts';

/** A model's parameters and buffers at one moment, on the host. */
export type Snapshot = ReadonlyMap<string, { readonly data: Float32Array; readonly shape: Shape }>;

export async function takeSnapshot(model: Module): Promise<Snapshot> {
  const snapshot = new Map<string, { data: Float32Array; shape: Shape }>();
  for (const [name, value] of model.stateDict()) {
    snapshot.set(name, { data: await value.data(), shape: value.shape });
  }
  return snapshot;
}

/** @throws StateDictError where the snapshot is of another model */
export function restoreSnapshot(model: Module, snapshot: Snapshot): void {
  tidy(() => {
    const state = [...snapshot].map(([name, { data, shape }]) => [name, tensor(data, shape)] as const);
    model.loadStateDict(new Map(state));
  });
}
