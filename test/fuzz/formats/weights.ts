/** Files of weights: PyTorch's two formats and safetensors. */
import { readFileSync } from 'node:fs';
import { readSafetensors, readSafetensorsMetadata } from '../../../lib/serialize/safetensors.ts';
import { readTorch } from '../../../lib/serialize/torch.ts';
import { sizeOf } from '../../../lib/tensor/shape.ts';
import type { Tensor } from '../../../lib/tensor/tensor.ts';
import type { Format } from '../format.ts';
import { LEGACY, ZIP } from '../grammar/pickle.ts';
import { mutateHeader } from '../grammar/safetensors.ts';

const golden = (...names: readonly string[]): Uint8Array[] =>
  names.map((name) => new Uint8Array(readFileSync(new URL(`../../golden/${name}`, import.meta.url))));

/** Names, shapes and values; the tensors are disposed of. */
function take(state: ReadonlyMap<string, Tensor>): unknown[] {
  return [...state].flatMap(([name, tensor]) => {
    const { shape } = tensor;
    const values = tensor.dataSync();
    if (values.length !== sizeOf(shape)) throw new Error(`${name}: ${values.length} values for [${shape}]`);
    tensor.dispose();
    return [name, shape, values];
  });
}

export const torch: Format = {
  name: 'torch',
  samples: async () => golden('torch/views.zip.pt', 'torch/dtypes.zip.pt', 'torch/module.zip.pt'),
  mutations: ZIP,
  read: async (bytes) => take(readTorch(bytes)),
};

export const legacy: Format = {
  name: 'torch-legacy',
  samples: async () => golden('torch/views.legacy.pt', 'torch/dtypes.legacy.pt', 'torch/module.legacy.pt'),
  mutations: LEGACY,
  read: async (bytes) => take(readTorch(bytes)),
};

export const safetensors: Format = {
  name: 'safetensors',
  samples: async () => golden('dtypes.safetensors'),
  mutations: [mutateHeader],
  read: async (bytes) => [...take(readSafetensors(bytes)), readSafetensorsMetadata(bytes)],
};
