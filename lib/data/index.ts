/**
 * Data sets, loaders and transforms, for Node and browsers: no file is read and no image decoded.
 * @module gradiograph/data
 */
import '../tensor/methods.ts';

export { Batch, type BatchTensors } from './batch.ts';
export { collate, type Inputs } from './collate.ts';
export { type Dataset, type Sample, Subset, type Target, TensorDataset } from './dataset.ts';
export { type IdxArray, readIdx } from './idx.ts';
export { IdxDataset } from './idx-dataset.ts';
export { createImage, type GrayImage, type Image, type RgbImage } from './image.ts';
export type { ImageDataset } from './image-dataset.ts';
export { DataLoader, type DataLoaderOptions } from './loader.ts';
export {
  GroupSampler,
  RandomSampler,
  type Sampler,
  SequentialSampler,
  WeightedRandomSampler,
} from './samplers.ts';
export { assertNoSharedPatients, type PatientImage, splitByPatient } from './split.ts';
export * as transforms from './transforms.ts';
