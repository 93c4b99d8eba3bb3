import { collateImages, type Inputs } from './collate.ts';
import type { ImageDataset } from './image-dataset.ts';
import type { Normalization, Transform } from './transforms.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface ImageBatchOptions {
  readonly augment: Transform | null;
  readonly normalization: Normalization;
  readonly seed: number;
}

/** Reads, augments and normalises images, on the pool's threads where there is one and it can. */
export async function readImageBatch(
  dataset: ImageDataset,
  indices: readonly number[],
  streams: readonly number[],
  { augment, seed, normalization }: ImageBatchOptions,
  pool: WorkerPool | null,
): Promise<Inputs> {
  const { files } = dataset;
  if (!pool || (augment && !augment.description)) {
    const read = (index: number) => (files ? files.store.get(files.path(index), pool) : dataset.image(index));
    return collateImages(await Promise.all(indices.map(read)), streams, seed, augment, normalization);
  }
  const reading = files?.store.reading ?? null;
  const find = (index: number) =>
    files && reading ? (files.store.kept(files.path(index)) ?? files.path(index)) : dataset.image(index);
  const { inputs, read } = await pool.batch({
    images: await Promise.all(indices.map(find)),
    reading,
    keep: files?.store.hasRoom ?? false,
    streams,
    seed,
    augment: augment?.description ?? null,
    normalization,
  });
  for (const [position, image] of read) files?.store.keep(files.path(indices[position]), image);
  return inputs;
}
