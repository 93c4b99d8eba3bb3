import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { init, nn, optim, type Tensor } from '../../lib/index.ts';
import {
  classActivationMap,
  DataLoader,
  evaluate,
  fit,
  type ImageDataset,
  metrics,
  transforms,
} from '../../lib/node.ts';
import { batchOf, type Drawing, draw, isAbnormal, localise } from './known-faults.ts';

const SIZE = 64;
const EPOCHS = 8;

/** conv 16 - pool - conv 32 - pool - conv 64 - global average pool - dense: a place of its map sees 18 pixels. */
class Pooled extends nn.Module {
  readonly body = new nn.Sequential(
    ...this.#stage(1, 16),
    new nn.MaxPool2d({ kernelSize: 2 }),
    ...this.#stage(16, 32),
    new nn.MaxPool2d({ kernelSize: 2 }),
    ...this.#stage(32, 64),
  );
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);
  readonly flatten = new nn.Flatten();
  readonly fc = new nn.Linear(64, 1);

  #stage(inChannels: number, width: number): nn.Module[] {
    const conv = new nn.Conv2d(inChannels, width, { kernelSize: 3, padding: 1, bias: false });
    return [conv, new nn.BatchNorm2d(width), new nn.ReLU()];
  }

  features(x: Tensor): Tensor {
    return this.body.forward(x);
  }

  linearOnMeans(): nn.Linear {
    return this.fc;
  }

  forward(x: Tensor): Tensor {
    return nn.chain([this.avgpool, this.flatten, this.fc], this.features(x));
  }
}

const dataset = (drawings: readonly Drawing[]): ImageDataset => ({
  length: drawings.length,
  image: async (i) => drawings[i].image,
  target: (i) => Number(isAbnormal(drawings[i])),
});

test('the map of an abnormal image is hottest near its fault', async () => {
  const device = await init({ device: 'wasm', seed: 0 });
  const training = draw(480, ['wrist', 'forearm'], SIZE, 100);
  const heldOut = draw(200, ['wrist', 'forearm'], SIZE, 900);
  const options = { batchSize: 32, normalization: transforms.GRAY };
  const model = new Pooled();
  const augment = transforms.randomHorizontalFlip();
  const loader = new DataLoader(dataset(training), { ...options, shuffle: true, augment });
  const optimizer = new optim.Adam(model.parameters());
  const scheduler = new optim.OneCycleLR(optimizer, {
    maxLr: 1e-2,
    epochs: EPOCHS,
    stepsPerEpoch: loader.length,
  });
  await fit(model, loader, { optimizer, scheduler, schedulerStep: 'batch', epochs: EPOCHS, progress: null });
  const { labels, scores } = await evaluate(model, new DataLoader(dataset(heldOut), options));

  const abnormal = heldOut.filter(isAbnormal);
  const maps = await classActivationMap(model, batchOf(abnormal, transforms.GRAY));
  const { own, chance, middle } = localise(abnormal, maps);
  console.log(
    `held-out AUROC ${metrics.auroc(labels, scores).toFixed(3)}; hottest point to fault, ${abnormal.length} images: ${own.toFixed(3)} of the side; by chance ${chance.toFixed(3)}, from the middle ${middle.toFixed(3)}`,
  );
  // own / chance was 0.44 here, and 0.41, 0.39 and 0.33 with other images and weights
  assert.ok(own < 0.7 * chance, `${own} is not below 0.7 * ${chance}`);
  assert.ok(own < 0.8 * middle, `${own} is not below 0.8 * ${middle}`);
  await device.dispose();
});

test.run();
