/** A worker thread: reads and decodes images, and makes batches of them. worker-pool.ts starts it. */
import { parentPort } from 'node:worker_threads';
import { collateImages, type Inputs } from './collate.ts';
import { type Image, shareImage } from './image.ts';
import { ImageReader, type Reading } from './image-reader.ts';
import { type Normalization, rebuild, type TransformDescription } from './transforms.ts';

/** Read one image. */
export interface ReadJob {
  readonly path: string;
  readonly reading: Reading;
}

/** Read what is not yet in memory, augment and normalise. */
export interface BatchJob {
  /** An image, or the path of one to be read. */
  readonly images: readonly (Image | string)[];
  /** Null where no path is among `images`. */
  readonly reading: Reading | null;
  /** Whether the images that are read shall come back too. */
  readonly keep: boolean;
  readonly streams: readonly number[];
  readonly seed: number;
  readonly augment: TransformDescription | null;
  readonly normalization: Normalization;
}

export interface BatchResult {
  readonly inputs: Inputs;
  /** Those that were read, if they were to be kept, by their place in the batch. */
  readonly read: readonly (readonly [place: number, image: Image])[];
}

export interface Request {
  readonly id: number;
  readonly job: ReadJob | BatchJob;
}

export type Response =
  | { readonly id: number; readonly result: Image | BatchResult }
  | {
      readonly id: number;
      readonly failure: { readonly name: string; readonly message: string; readonly stack?: string };
    }
  /** Of no job: a cache that cannot be used. */
  | { readonly cacheFault: string };

const send = (response: Response, transfer: ArrayBuffer[] = []): void =>
  parentPort?.postMessage(response, transfer);

const readerOf = (reading: Reading): ImageReader =>
  ImageReader.of(reading, (cacheFault) => send({ cacheFault }));

async function readImage({ path, reading }: ReadJob): Promise<Image> {
  return shareImage(await readerOf(reading).read(path));
}

async function makeBatch(job: BatchJob): Promise<BatchResult> {
  const { reading, keep, augment } = job;
  const reader = reading && readerOf(reading);
  const read: [number, Image][] = [];
  const images = await Promise.all(
    job.images.map(async (image, place) => {
      if (typeof image !== 'string') return image;
      if (!reader) throw new Error(`${image}: nothing says how to read it`);
      const found = await reader.read(image);
      if (!keep) return found;
      const shared = shareImage(found);
      read.push([place, shared]);
      return shared;
    }),
  );
  const transform = augment && rebuild(augment);
  const inputs = collateImages(images, job.streams, job.seed, transform, job.normalization);
  return { inputs, read };
}

async function answer({ id, job }: Request): Promise<void> {
  try {
    const result = await ('path' in job ? readImage(job) : makeBatch(job));
    send({ id, result }, 'inputs' in result ? [result.inputs.data.buffer as ArrayBuffer] : []);
  } catch (error) {
    const { name, message, stack } = error as Error;
    send({ id, failure: { name, message, stack } });
  }
}

// One after the other: the batch that is wanted first is ready first.
let last = Promise.resolve();
parentPort?.on('message', (request: Request) => {
  last = last.then(() => answer(request));
});
