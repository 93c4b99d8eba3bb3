import { FileDataset, type ImageFileOptions, openStore } from '../data/file-dataset.ts';
import { groupBy, splitByPatient } from '../data/split.ts';
import { WorkerPool } from '../data/worker-pool.ts';
import { FormatError } from '../errors.ts';
import { printable, visible } from '../printable.ts';
import { findRoot, listImages } from './layout.ts';
import { type MuraImage, REGIONS, type Region } from './regions.ts';

/** The options of `MuraDataset.open`. */
export type MuraOptions = ImageFileOptions;

/** The options of `MuraDataset.check`. */
export interface CheckOptions {
  /** Whether a broken image is an error; default false. */
  strict?: boolean;
  /** Threads that read; default 0, the calling thread. */
  workers?: number;
  /** Called after each image with the number of those read. */
  onProgress?: (done: number) => void;
  /** Is told of each broken image as soon as it is found, in no certain order. */
  onBroken?: (image: BrokenImage) => void;
  /** Ends the check at once when aborted, whatever is being read. */
  signal?: AbortSignal;
}

/** Why an image was left out. */
export interface BrokenImage {
  /** The file. */
  readonly path: string;
  /** What is wrong with it. */
  readonly reason: string;
}

/** The two parts that MURA comes in. */
export interface MuraSplits {
  /** For training and validation. */
  readonly train: MuraDataset;
  /** The official valid split, which serves as the test set. */
  readonly valid: MuraDataset;
}

/** What `MuraDataset.check` found. */
export interface CheckedImages {
  /** The data set without its broken images. */
  readonly dataset: MuraDataset;
  /** The broken images, with the reason. */
  readonly broken: BrokenImage[];
}

/** Images of MURA with their labels. A data set is never changed: what narrows it returns another, with the same cache. */
export class MuraDataset extends FileDataset<MuraImage> {
  /**
   * Lists the images of a folder in MURA's layout (CSV files, or folders alone), without opening them.
   * @returns the official split: `train`, and `valid`, which serves as the test set
   * @throws FormatError where there is no such data set, or its lists contradict its folders
   * @throws GradiographError for a `cacheDir` with a `prepare` that is not made of `transforms`
   */
  static async open(folder: string, options: MuraOptions = {}): Promise<MuraSplits> {
    const root = findRoot(folder);
    const store = openStore(options, 1);
    return {
      train: new MuraDataset(await listImages(root, 'train'), store),
      valid: new MuraDataset(await listImages(root, 'valid'), store),
    };
  }

  /** 1 is abnormal. */
  target(index: number): number {
    return this.images[index].label;
  }

  /** The images that satisfy `keep`. */
  filter(keep: (image: MuraImage) => boolean): MuraDataset {
    return new MuraDataset(this.images.filter(keep), this.files.store);
  }

  /** The images of some regions. */
  regions(regions: readonly Region[]): MuraDataset {
    return this.filter(({ region }) => regions.includes(region));
  }

  /**
   * Two data sets without a common patient, stratified by region and label; see `splitByPatient`.
   * @param fraction of the images in the second, between 0 and 1
   * @param seed of the choice; default 0
   * @throws GradiographError for a fraction out of range
   */
  split(fraction: number, seed = 0): [rest: MuraDataset, part: MuraDataset] {
    const [rest, part] = splitByPatient(this.images, fraction, seed);
    return [new MuraDataset(rest, this.files.store), new MuraDataset(part, this.files.store)];
  }

  /**
   * Reads every image once, which also fills the caches.
   * @returns the data set without its broken images, and these with the reason
   * @throws FormatError with `strict`, naming all broken images
   * @throws the signal's reason, when it is aborted
   */
  async check({
    strict = false,
    workers = 0,
    onProgress,
    onBroken,
    signal,
  }: CheckOptions = {}): Promise<CheckedImages> {
    signal?.throwIfAborted();
    const faults = new Map<string, string>();
    const pool = workers > 0 ? await WorkerPool.acquire(workers) : null;
    const paths = this.images.map(({ path }) => path).values();
    let done = 0;
    const readOn = async () => {
      for (const path of paths) {
        try {
          await this.files.store.get(path, pool);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          const reason = error.message.replace(`${path}: `, '');
          faults.set(path, reason);
          onBroken?.({ path, reason });
        }
        if (signal?.aborted) return;
        onProgress?.(++done);
      }
    };
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort);
    });
    try {
      const all = Promise.all(Array.from({ length: Math.max(1, 2 * workers) }, readOn));
      await Promise.race([all, aborted]);
    } finally {
      signal?.removeEventListener('abort', abort);
      await pool?.release();
    }
    const broken = this.images.flatMap(({ path }) => {
      const reason = faults.get(path);
      return reason === undefined ? [] : { path, reason };
    });
    if (strict && broken.length > 0) throw new FormatError(describeBroken(broken));
    return { dataset: this.filter(({ path }) => !faults.has(path)), broken };
  }
}

/** The report on broken images: one line each. */
export function describeBroken(broken: readonly BrokenImage[]): string {
  const lines = broken.map(({ path, reason }) => `  ${printable(path)}: ${visible(reason)}`);
  return [`${broken.length} broken image${broken.length === 1 ? '' : 's'}:`, ...lines].join('\n');
}

/** Normal and abnormal images of each region in each data set, then studies and patients: rows for a table. */
export function countRows(sets: Readonly<Record<string, MuraDataset>>): string[][] {
  const row = (title: string, cell: (images: readonly MuraImage[]) => string | number) => [
    title,
    ...Object.values(sets).map(({ images }) => String(cell(images))),
  ];
  const classes = (images: readonly MuraImage[]) => {
    const abnormal = images.filter(({ label }) => label === 1).length;
    return `${images.length - abnormal}/${abnormal}`;
  };
  const present = REGIONS.filter((region) =>
    Object.values(sets).some(({ images }) => images.some((image) => image.region === region)),
  );
  return [
    ['normal/abnormal', ...Object.keys(sets)],
    ...present.map((region) =>
      row(region, (images) => classes(images.filter((image) => image.region === region))),
    ),
    row('all', classes),
    row('studies', (images) => groupBy(images, ({ study }) => study).size),
    row('patients', (images) => groupBy(images, ({ patient }) => patient).size),
  ];
}
