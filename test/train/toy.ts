import * as assert from 'uvu/assert';
import { createImage } from '../../lib/data/image.ts';
import type { ImageDataset } from '../../lib/data/image-dataset.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { GRAY } from '../../lib/data/transforms.ts';
import { nn, optim, seed } from '../../lib/index.ts';

/** Forty images of 6x6: every second has a bright bar, which is what there is to learn. */
export const dataset: ImageDataset = {
  length: 40,
  async image(index) {
    const image = createImage(6, 6);
    image.data.fill(60 + (index % 5));
    if (index % 2 === 1) for (let y = 0; y < 6; y++) image.data[6 * y + (index % 6)] = 200;
    return image;
  },
  target: (index) => index % 2,
};

export const options = { batchSize: 8, normalization: GRAY };
export const validation = new DataLoader(dataset, options);
export const train = new DataLoader(dataset, { ...options, shuffle: true, seed: 3 });

/** Fails unless the promise is rejected with such a message; the error. */
export async function assertRejects(promise: Promise<unknown>, message: RegExp): Promise<Error> {
  const error = await promise.then(
    () => new Error('no fault'),
    (error: Error) => error,
  );
  assert.match(error.message, message);
  return error;
}

/** A small network with a buffer and with random numbers in its forward pass. */
export function makeModel(): nn.Sequential {
  seed(1);
  return new nn.Sequential(
    new nn.Conv2d(1, 4, { kernelSize: 3, padding: 1, bias: false }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Dropout(0.2),
    new nn.Linear(144, 1),
  );
}

export const adam = (model: nn.Module) => new optim.Adam(model.parameters(), { lr: 3e-3 });
