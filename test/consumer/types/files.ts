import type { Tensor } from 'gradiograph';
import { DataLoader, loadWeights, MuraDataset, metrics, transforms } from 'gradiograph/node';

const weights: Map<string, Tensor> = await loadWeights('weights.safetensors');
const { train } = await MuraDataset.open('MURA-v1.1', { prepare: transforms.resize(32) });
for await (const batch of new DataLoader(train, { batchSize: 4, workers: 2 })) {
  console.log(weights.size, batch.size, batch.inputs.length, metrics);
}
