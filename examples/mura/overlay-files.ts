/** Where overlays go: one file an image, whatever file system they end on, and none over another that is there. */
import { lstat, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { writeNew } from '../../lib/node.ts';

/** Bytes of a name without its end; file systems take 255 of the whole. */
const MAX_NAME = 200;

export class OverlayFiles {
  readonly #folder: string;
  readonly #base: string;
  /** What was given away, as a file system takes it that knows neither case nor normal forms. */
  readonly #given = new Set<string>();

  /** @param folder where they go @param images all of them: below it they lie as below their common folder */
  constructor(folder: string, images: readonly string[]) {
    this.#folder = folder;
    this.#base = commonFolder(images);
  }

  /**
   * Writes an overlay to `<image>-overlay.png`, of a `.png` without that end: `x.png` and `x.jpg` become `x-overlay.png`
   * and `x.jpg-overlay.png`. Where this name is another's, in this run or of one before, it goes to
   * `<image>-overlay-2.png` and so on; the same picture from an earlier run keeps its place.
   * @returns the file
   */
  async write(image: string, png: Uint8Array): Promise<string> {
    const below = relative(this.#base, resolve(image)).replace(/\.png$/, '');
    const stem = join(this.#folder, dirname(below), shorten(below.slice(below.lastIndexOf(sep) + 1)));
    for (let number = 1; ; number++) {
      const path = `${stem}-overlay${number > 1 ? `-${number}` : ''}.png`;
      const key = path.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD');
      if (this.#given.has(key)) continue;
      this.#given.add(key);
      if ((await writeNew(path, png)) || (await holds(path, png))) return path;
    }
  }
}

/** Whether a file has these bytes. */
async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  const stats = await lstat(path);
  return stats.isFile() && stats.size === bytes.length && (await readFile(path)).equals(bytes);
}

function shorten(name: string): string {
  let short = name;
  while (Buffer.byteLength(short) > MAX_NAME) short = [...short].slice(0, -1).join('');
  return short;
}

/** The folder below which all files lie. */
function commonFolder(files: readonly string[]): string {
  const [first, ...others] = files.map((file) => dirname(resolve(file)));
  let folder = first;
  while (!others.every((other) => join(other, sep).startsWith(join(folder, sep)))) folder = dirname(folder);
  return folder;
}
