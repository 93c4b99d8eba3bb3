import type { Shape } from '../tensor/shape.ts';
import type { Target } from './dataset.ts';
import type { Image } from './image.ts';
import type { MemoryCache } from './memory-cache.ts';

/** Images of one size, and what a model should say of each. A DataLoader augments and normalises them. */
export interface ImageDataset {
  readonly length: number;
  image(index: number): Promise<Image>;
  target(index: number): Target;
  /** Of a target: [1] (default) for a logit each, [] for class indices, [C] for several numbers. */
  readonly targetShape?: Shape;
  /** Where images are files, what worker threads read them by; without it `image` is called on the calling thread. */
  readonly files?: { readonly store: MemoryCache; path(index: number): string };
}
