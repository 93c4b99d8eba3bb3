import { encodeCheckpoint, type Training } from './checkpoint.ts';
import type { FitState } from './state.ts';

/** Where checkpoints go: `checkpointFile` for a file; a page may have another. */
export interface CheckpointSink {
  /** What it is called in messages. */
  readonly name: string;
  /** Is tried before the first step, with the bytes that a checkpoint will have at the least; throws where they have no place. */
  prepare?(bytes: number): Promise<void>;
  /** Replaces the checkpoint before, whole or not at all. */
  write(checkpoint: Uint8Array): Promise<void>;
}

/** Where and when `fit` saves the training. */
export interface CheckpointOptions {
  /** Where checkpoints go. */
  sink: CheckpointSink;
  /** The program's own, any plain JSON, taken anew at each save; default null. */
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

  /** The sink and where the training stood then, in words; null before the first save. */
  get saved(): string | null {
    return this.#saved;
  }

  /**
   * Tries the sink with as much as a checkpoint will have at the least.
   * @throws GradiographError where it is read-only or full
   */
  async prepare(): Promise<void> {
    const values = [...this.#training.model.stateDict().values()];
    await this.#options.sink.prepare?.(values.reduce((bytes, { size }) => bytes + 4 * size, 0));
  }

  async save(state: FitState): Promise<void> {
    const { sink, settings = null } = this.#options;
    await sink.write(await encodeCheckpoint(this.#training, state, settings));
    this.#time = performance.now();
    const { history, unfinished } = state;
    const [epoch, batch] = [history.length + (unfinished ? 1 : 0), unfinished?.batches];
    this.#saved = `${sink.name} (epoch ${epoch}${batch === undefined ? '' : `, batch ${batch}`})`;
  }
}
