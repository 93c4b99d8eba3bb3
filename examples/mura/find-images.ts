/** The image files that a command line means: none twice, none left out without a word. */
import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { FormatError } from '../../lib/index.ts';
import { printable } from '../../lib/node.ts';

/** A path that is not predicted, and why. */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

export interface Found {
  /** Each once, in the order of the paths asked for, by name below a folder. */
  readonly images: readonly string[];
  /** What bears the name of an image and cannot be predicted, and folders that cannot be read. */
  readonly failed: readonly LeftOut[];
  /** What was found before, under this name or another. */
  readonly repeated: readonly LeftOut[];
  /** Files that are hidden or have other names than images. */
  readonly ignored: readonly LeftOut[];
}

const IMAGE_ENDS = ['.png', '.jpg', '.jpeg'];

/** As the name says; what is hidden, such as macOS's `._wrist.png`, is none. */
const isImageName = (name: string) =>
  !name.startsWith('.') && IMAGE_ENDS.includes(extname(name).toLowerCase());

/**
 * The files that are named, and the PNG and JPEG files below the folders that are named, symbolic links followed.
 * @throws FormatError for a path that does not exist or is neither file nor folder, or a folder without images
 */
export async function findImages(paths: readonly string[]): Promise<Found> {
  const search = new Search();
  for (const path of paths) await search.add(normalize(path));
  return search;
}

class Search implements Found {
  readonly images: string[] = [];
  readonly failed: LeftOut[] = [];
  readonly repeated: LeftOut[] = [];
  readonly ignored: LeftOut[] = [];
  /** Where each file and folder really is, and the path under which it was found first. */
  readonly #seen = new Map<string, string>();

  /** What the command line names. */
  async add(path: string): Promise<void> {
    const stats = await stat(path).catch((error) => {
      throw new FormatError(`${printable(path)}: ${reasonOf(error)}`, { cause: error });
    });
    if (stats.isFile()) return this.#addFile(path);
    if (!stats.isDirectory()) throw new FormatError(`${printable(path)}: ${kindOf(stats)}, no image file`);
    const before = this.#count;
    await this.#addFolder(path);
    if (this.#count === before)
      throw new FormatError(`${printable(path)}: no PNG or JPEG files in this folder`);
  }

  get #count(): number {
    return this.images.length + this.failed.length + this.repeated.length;
  }

  async #addFile(path: string): Promise<void> {
    if (await this.#isNew(path)) this.images.push(path);
  }

  /** Whether neither the path nor a link led to it before. */
  async #isNew(path: string): Promise<boolean> {
    const place = await realpath(path);
    const first = this.#seen.get(place);
    this.#seen.set(place, first ?? path);
    if (first !== undefined) this.repeated.push({ path, reason: `the same as ${printable(first)}` });
    return first === undefined;
  }

  /** Files and folders first, so that what a link leads to bears its own name. */
  async #addFolder(path: string): Promise<void> {
    if (!(await this.#isNew(path))) return;
    const entries = await readdir(path, { withFileTypes: true }).catch((error) => {
      this.failed.push({ path, reason: reasonOf(error) });
      return [] as Dirent[];
    });
    entries.sort(
      (a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }) || (a.name < b.name ? -1 : 1),
    );
    const [links, others] = [true, false].map((isLink) =>
      entries.filter((entry) => entry.isSymbolicLink() === isLink),
    );
    for (const { name } of [...others, ...links]) await this.#addEntry(join(path, name), name);
  }

  async #addEntry(path: string, name: string): Promise<void> {
    let stats: Stats;
    try {
      stats = await stat(path);
    } catch (error) {
      const reason = name.includes('\ufffd') ? 'its name is not UTF-8' : reasonOf(error);
      this.failed.push({ path, reason });
      return;
    }
    if (stats.isDirectory()) await this.#addFolder(path);
    else if (!isImageName(name))
      this.ignored.push({ path, reason: name.startsWith('.') ? 'hidden' : 'of another name' });
    else if (!stats.isFile()) this.failed.push({ path, reason: `${kindOf(stats)}, no image file` });
    else await this.#addFile(path);
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ELOOP: 'a symbolic link that leads in a circle',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
};

/** Why a file system refuses something. */
function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return FAULTS[code] ?? message;
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'of no known kind';
}
