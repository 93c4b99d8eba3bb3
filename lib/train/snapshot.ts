import type { Module } from '../nn/module.ts';
import type { HostTensor } from '../serialize/safetensors.ts';
import { tensor } from '../tensor/create.ts';
import { tidy } from '../tensor/scope.ts';

/** A model's parameters and buffers at one moment, outside any device. */
export type Snapshot = ReadonlyMap<string, HostTensor>;

/** @throws StateDictError where the snapshot is of another model */
export function restoreSnapshot(model: Module, snapshot: Snapshot): void {
  tidy(() => {
    const state = [...snapshot].map(([name, { data, shape }]) => [name, tensor(data, shape)] as const);
    model.loadStateDict(new Map(state));
  });
}
