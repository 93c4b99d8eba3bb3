import { saveCheckpoint, type Training } from './checkpoint.ts';
import { tryWriting } from './files.ts';
import type { FitState } from './state.ts';

export interface CheckpointOptions {
  /** Where the file goes. It is replaced as a whole: at any moment it is the last one that was saved, or there is none. */
  path: string;
  /** The program's own, any plain JSON; default null. */
  settings?: unknown;
  /** Within an epoch, save after the step at which so many seconds have gone by since the last save; default 600. */
  everySeconds?: number;
}

/** Keeps the checkpoint of a running training, and knows when it was last saved and where the training stood then. */
export class Autosave {
  readonly #options: CheckpointOptions;
  readonly #training: Training;
  #time = performance.now();
  #saved: string | null = null;

  constructor(options: CheckpointOptions, training: Training) {
    this.#options = options;
    this.#training = training;
  }

  /** Whether it is time to save within an epoch. */
  get isDue(): boolean {
    const { everySeconds = 600 } = this.#options;
    return performance.now() - this.#time >= 1000 * everySeconds;
  }

  /** The file and where the training stood then, in words; null before the first save. */
  get saved(): string | null {
    return this.#saved;
  }

  /**
   * Tries the folder with as much as a checkpoint will have at the least.
   * @throws GradiographError where it is read-only or full
   */
  async tryFolder(): Promise<void> {
    const values = [...this.#training.model.stateDict().values()];
    await tryWriting(
      this.#options.path,
      values.reduce((bytes, { size }) => bytes + 4 * size, 0),
    );
  }

  async save(state: FitState): Promise<void> {
    const { path, settings = null } = this.#options;
    await saveCheckpoint(path, this.#training, state, settings);
    this.#time = performance.now();
    const { history, unfinished } = state;
    const [epoch, batch] = [history.length + (unfinished ? 1 : 0), unfinished?.batches];
    this.#saved = `${path} (epoch ${epoch}${batch === undefined ? '' : `, batch ${batch}`})`;
  }
}
