/** Checkpoints as files. */
import { readFile } from 'node:fs/promises';
import { naming } from '../data/naming.ts';
import type { CheckpointSink } from './autosave.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, type Training } from './checkpoint.ts';
import { removeLeftovers, tryWriting, writeWhole } from './files.ts';
import type { FitState } from './state.ts';

/**
 * A file for `fit`'s checkpoints. It is replaced as a whole: at any moment it is the last one that was saved, or there
 * is none. What earlier writes left behind that were killed is removed.
 */
export const checkpointFile = (path: string): CheckpointSink => ({
  name: path,
  prepare: (bytes) => tryWriting(path, bytes),
  async write(checkpoint) {
    await removeLeftovers(path);
    await writeWhole(path, checkpoint);
  },
});

/** Writes a checkpoint to a file, whole or not at all. */
export async function saveCheckpoint(
  path: string,
  training: Training,
  state: FitState,
  settings: unknown,
): Promise<void> {
  await checkpointFile(path).write(await encodeCheckpoint(training, state, settings));
}

/** @throws FormatError naming the file and what is wrong with it, where `saveCheckpoint` did not write it like that */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { settings, restore } = await naming(path, async () => decodeCheckpoint(await readFile(path)));
  return { settings, restore: (training) => naming(path, () => restore(training)) };
}
