import type { Shape } from '../tensor/shape.ts';
import type { Target } from './dataset.ts';
import type { Image } from './image.ts';
import type { MemoryCache } from './memory-cache.ts';

/** Images of one size, and what a model should say of each. A DataLoader augments and normalises them. */
export interface ImageDataset {
  /** The number of images. */
  readonly length: number;
  /** The image of an index from 0 to length - 1, gray or in colours. */
  image(index: number): Promise<Image>;
  /** What a model should say of it. */
  target(index: number): Target;
  /** Of a target: [1] (default) for a logit each, [] for class indices, [C] for several numbers. */
  readonly targetShape?: Shape;
  /** Where images are files, what worker threads read them by; without it `image` is called on the calling thread. @internal */
  readonly files?: { readonly store: MemoryCache; path(index: number): string };
}
