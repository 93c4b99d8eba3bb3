import { Generator, models, optim, type Tensor, tensor } from 'gradiograph';
import { Batch, DataLoader, type ImageDataset, TensorDataset, transforms } from 'gradiograph/data';
import { type ActivationMap, gradCam, overlay } from 'gradiograph/explain';
import { drawRadiograph, REGIONS, type Region, skeleton } from 'gradiograph/mura';
import { decodeCheckpoint, evaluate, fit, metrics } from 'gradiograph/train';

const region: Region = REGIONS[0];
const random = new Generator(1);
const { image } = drawRadiograph(skeleton(region, random), null, 32, 32, random);
const drawn: ImageDataset = { length: 1, image: async () => image, target: () => 0 };
const loader = new DataLoader(drawn, { batchSize: 1, augment: transforms.randomHorizontalFlip() });
const model = models.cnn2({ inChannels: 1, inputSize: 32 });
const { history } = await fit(model, loader, {
  optimizer: new optim.Adam(model.parameters(), { lr: 1e-3 }),
  epochs: 1,
  callbacks: [{ onEpochEnd: ({ history }) => void history.length }],
  checkpoint: { sink: { name: 'memory', write: async (bytes) => void decodeCheckpoint(bytes) } },
});
const losses: number[] = history.map(({ train }) => train.loss);
const x: Tensor = tensor([[1, 2]]);
const pairs = new DataLoader(await TensorDataset.of(x, tensor([1])), { batchSize: 1 });
for await (const batch of pairs) losses.push(batch instanceof Batch ? batch.size : 0);
losses.push((await evaluate(model, loader)).metrics.accuracy, metrics.wilsonInterval(1, 2).low);
const [map]: ActivationMap[] = await gradCam(model, model.lastFeatureLayer, x);
overlay(image, map);
