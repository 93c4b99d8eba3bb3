/** Data sets whose files are read for the first time behind the first steps of a training. */
import { basename } from 'node:path';
import { FormatError } from '../../lib/index.ts';
import {
  type BrokenImage,
  countRows,
  describeBroken,
  type FitResult,
  formatTable,
  type MuraDataset,
  type MuraImage,
  type ProgressBar,
} from '../../lib/node.ts';

/** What a training learns from; no patient is in both. */
export type TrainingSets = Readonly<Record<'train' | 'validation', MuraDataset>>;

export interface CheckedDataOptions {
  /** The two parts of the official split, as listed: the second is the test set. */
  readonly listed: Readonly<Record<'train' | 'valid', MuraDataset>>;
  readonly split: (images: MuraDataset) => TrainingSets;
  /** The images that a resumed training was begun without, by `imageName`; null where nothing is known of any. */
  readonly leftOut: readonly string[] | null;
  readonly strict: boolean;
  readonly workers: number;
  readonly progress: ProgressBar;
  /** The user's interrupt, which ends the check, too. */
  readonly signal: AbortSignal;
}

/** An image by its path below the data set's root. */
export const imageName = ({ study, path }: MuraImage): string => `${study}/${basename(path)}`;

/**
 * The sets of a training, whose files are all read once behind its first steps.
 *
 * What a training comes to may depend on its files, but not on when they were read. Order, split, class weights and
 * the number of steps are those of the whole images, so a broken one cannot be left out where it is met. Instead a training
 * begins as if every listed file were whole, and the check reads them all beside it. As a rule they are whole, and then it
 * was the right training from its first step on. Where one is broken, what was computed goes: the check is waited for, and
 * the training begins again without the broken ones, as it would have begun had they been known. So it ends with the same
 * bits, whoever meets the broken file, the training or the check, and when. What is lost is at most the time of the check,
 * since no epoch ends before it has (`confirm`). Broken images of the test set are left out when the check is done.
 *
 * A checkpoint says which images its training was begun without, or null where that is not certain yet (`leftOut`). A
 * resumed training begins without just these. If more are broken by then, one that was not certain yet begins again, and
 * one that was is refused: it has learnt from an image that is no longer there.
 */
export class CheckedData implements AsyncDisposable {
  readonly #options: CheckedDataOptions;
  readonly #end = new AbortController();
  readonly #stop = new AbortController();
  readonly #interrupt = () => {
    this.#end.abort();
    this.#stop.abort();
  };
  readonly #checked: Promise<void>;
  #training: TrainingSets;
  #test: MuraDataset;
  #broken: readonly BrokenImage[] = [];
  /** What `confirm` has thrown. */
  #refusal: FormatError | null = null;
  #isChecked = false;
  #isAwaited = false;
  #done = 0;

  constructor(options: CheckedDataOptions) {
    const { listed, split, leftOut, signal } = options;
    this.#options = options;
    const known = new Set(leftOut);
    this.#training = split(listed.train.filter((image) => !known.has(imageName(image))));
    this.#test = listed.valid;
    signal.addEventListener('abort', this.#interrupt);
    if (signal.aborted) this.#interrupt();
    this.#checked = this.#check(known);
    this.#checked.catch(() => this.#stop.abort()); // thrown where it is waited for
  }

  /** Without the images that are known to be broken. */
  get sets(): Readonly<Record<'train' | 'validation' | 'test', MuraDataset>> {
    return { ...this.#training, test: this.#test };
  }

  /** What was found to be broken. */
  get broken(): readonly BrokenImage[] {
    return this.#broken;
  }

  /**
   * Resolves when all files were read.
   * @throws FormatError for broken images with `strict`, or where a resumed training has learnt from them
   * @throws the signal's reason, when it is aborted
   */
  async checked(): Promise<void> {
    this.#isAwaited = true;
    try {
      await this.#checked;
    } catch (error) {
      this.#options.signal.throwIfAborted();
      throw error;
    } finally {
      this.#isAwaited = false;
    }
  }

  /**
   * Trains by `fit` on the sets as they are known, under a signal that is aborted by the interrupt or by the check.
   * @returns null where the training has to begin again, as the sets are others
   * @throws what `fit` and `checked` throw
   */
  async train(
    fit: (sets: TrainingSets, signal: AbortSignal) => Promise<FitResult>,
  ): Promise<FitResult | null> {
    const { signal, progress } = this.#options;
    const begun = this.#training;
    let fault: unknown = null;
    try {
      const result = await fit(begun, this.#isChecked ? signal : this.#stop.signal);
      if (result.ended !== 'aborted' || signal.aborted) return result;
    } catch (error) {
      if (!this.#isOfImage(error)) throw error;
      fault = error;
    }
    await this.checked();
    if (fault && this.#training === begun) throw fault;
    progress.print('the training begins again without them');
    return null;
  }

  /**
   * To be called at the end of an epoch: waits for the check, or the interrupt.
   * @throws FormatError where these sets, which the training has begun with, are not the right ones
   */
  async confirm(sets: TrainingSets): Promise<void> {
    try {
      await this.checked();
    } catch (error) {
      if (error !== this.#options.signal.reason) throw error;
      return;
    }
    if (sets === this.#training) return;
    this.#refusal = new FormatError(describeBroken(this.#broken));
    throw this.#refusal;
  }

  /** The images that these sets are without, by their names; null where more may have to be left out. */
  leftOut(sets: TrainingSets): readonly string[] | null {
    if (this.#options.leftOut) return this.#options.leftOut;
    if (!this.#isChecked || sets !== this.#training) return null;
    const kept = new Set([...sets.train.images, ...sets.validation.images]);
    return this.#options.listed.train.images.filter((image) => !kept.has(image)).map(imageName);
  }

  /** Whether a broken image is the cause: one that `fit` met, or those of `confirm`. */
  #isOfImage(error: unknown): boolean {
    if (!(error instanceof FormatError)) return false;
    const { images } = this.#options.listed.train;
    return error === this.#refusal || images.some(({ path }) => error.message.startsWith(`${path}: `));
  }

  /** Ends the check. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#interrupt);
    this.#end.abort();
    await this.#checked.catch(() => {});
  }

  async #check(known: ReadonlySet<string>): Promise<void> {
    const { listed, split, leftOut, progress } = this.#options;
    const names = new Map(listed.train.images.map((image) => [image.path, imageName(image)]));
    const isNews = ({ path }: BrokenImage) => !known.has(names.get(path) ?? '');
    const train = await this.#read('train', (image) => {
      if (isNews(image)) this.#stop.abort();
    });
    const news = train.broken.filter(isNews);
    if (leftOut && news.length > 0) {
      throw new FormatError(
        `the training has learnt from images that are broken now: mend them, or train anew; ${describeBroken(news)}`,
      );
    }
    const valid = await this.#read('valid', () => {});
    this.#broken = [...train.broken, ...valid.broken];
    this.#test = valid.dataset;
    if (news.length > 0) this.#training = split(train.dataset);
    this.#isChecked = true;
    if (this.#broken.length > 0) progress.print(`without them:\n${formatTable(countRows(this.sets))}`);
  }

  async #read(name: 'train' | 'valid', onBroken: (image: BrokenImage) => void) {
    const { listed, strict, workers, progress } = this.#options;
    const total = listed.train.length + listed.valid.length;
    const onProgress = () => {
      const done = ++this.#done;
      if (this.#isAwaited) progress.update('reading', done / total, `${done}/${total} images`);
    };
    const checked = await listed[name].check({
      strict,
      workers,
      onProgress,
      onBroken,
      signal: this.#end.signal,
    });
    const { broken } = checked;
    if (broken.length > 0) progress.print(`left out of ${name}, ${describeBroken(broken)}`);
    return checked;
  }
}
