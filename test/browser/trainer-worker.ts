/** A training as a page's module worker does it, of the entries that are for browsers: drawn radiographs, checkpoints in memory. */
import { DataLoader, type ImageDataset, transforms } from '../../lib/data/index.ts';
import { gradCam } from '../../lib/explain/index.ts';
import { Generator, init, models, optim, serialize } from '../../lib/index.ts';
import { drawFault, drawRadiograph, skeleton } from '../../lib/mura/index.ts';
import { decodeCheckpoint, evaluate, fit } from '../../lib/train/index.ts';

const SIZE = 32;

function drawWrists(count: number, first: number): ImageDataset {
  const images = Array.from({ length: count }, (_, i) => {
    const random = new Generator(first + i);
    const bones = skeleton('wrist', random);
    const fault = i % 2 ? drawFault(bones, 'hardware', random) : null;
    return drawRadiograph(bones, fault, SIZE, SIZE, random).image;
  });
  return { length: count, image: async (i) => images[i], target: (i) => i % 2 };
}

async function train() {
  const device = await init({ device: 'wasm', threads: 1, seed: 0 });
  const options = { batchSize: 16, normalization: transforms.GRAY };
  const model = models.cnn2({ inChannels: 1, inputSize: SIZE, batchNorm: true });
  const optimizer = new optim.Adam(model.parameters(), { lr: 3e-3 });
  const validation = new DataLoader(drawWrists(32, 900), options);
  const augment = transforms.randomHorizontalFlip();
  const loader = new DataLoader(drawWrists(64, 0), { ...options, shuffle: true, augment });
  const saved: Uint8Array[] = [];
  let batches = 0;
  const { history } = await fit(model, loader, {
    optimizer,
    epochs: 4,
    validation,
    callbacks: [{ onBatchEnd: () => void batches++ }],
    checkpoint: { sink: { name: 'memory', write: async (bytes) => void saved.push(bytes) } },
  });
  const training = { model, optimizer, scheduler: null };
  const state = await decodeCheckpoint(saved[saved.length - 1]).restore(training);
  const { metrics } = await evaluate(model, validation);
  const { value: batch } = await validation.epoch(0).next();
  if (!batch) throw new Error('no batch');
  const [map] = await gradCam(model, model.lastFeatureLayer, batch.tensors().x);
  const weights = serialize.writeSafetensors(model.stateDict()).length;
  await device.dispose();
  return {
    losses: history.map(({ train }) => train.loss),
    accuracy: metrics.accuracy,
    resumedAt: state.history.length,
    map: [map.height, map.width],
    batches,
    saves: saved.length,
    weights,
  };
}

train().then(
  (result) => postMessage({ result }),
  (error: Error) => postMessage({ failure: `${error.name}: ${error.message}` }),
);
