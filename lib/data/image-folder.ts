import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveOptions } from '../arguments.ts';
import { FormatError } from '../errors.ts';
import { printable } from '../printable.ts';
import type { Shape } from '../tensor/shape.ts';
import { FileDataset, type ImageFileOptions, openStore } from './file-dataset.ts';
import { leadsToFolder, listFiles } from './list-files.ts';
import type { MemoryCache } from './memory-cache.ts';
import { naming } from './naming.ts';

/** The options of `ImageFolder.open`. */
export interface ImageFolderOptions extends ImageFileOptions {
  /** 3 (default) for red, green and blue, which gray images repeat; 1 for gray, where colours become luminance. */
  channels?: 1 | 3;
}

/** A file of an `ImageFolder`. */
export interface FolderImage {
  /** Of the file. */
  readonly path: string;
  /** The index of its class in `classes`. */
  readonly target: number;
}

/** What torchvision takes for images; of these, PNG and JPEG are decoded here. */
const IMAGE = /\.(jpe?g|png|ppm|bmp|pgm|tiff?|webp)$/i;
const DECODED = /\.(jpe?g|png)$/i;
const HIDDEN = /(^|\/)\./;

const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Images in a folder for each class, as torchvision.datasets.ImageFolder: the classes by name, their indices as targets. */
export class ImageFolder extends FileDataset<FolderImage> {
  /** The names of the folders, sorted. */
  readonly classes: readonly string[];

  private constructor(classes: readonly string[], images: readonly FolderImage[], store: MemoryCache) {
    super(images, store);
    this.classes = classes;
  }

  /**
   * Lists the images (by the ends of their names: .png, .jpg, .jpeg) in the class folders of `root` and below them, without opening one.
   * Hidden files and folders, whose names begin with a dot, are left out, and so is what is no image. Links are followed.
   * @throws FormatError where `root` cannot be read or has no class folder, where class folders have no image, and for an
   *   image of another kind (.bmp, .webp, ...), naming them
   * @throws ArgumentError for an option that there is not, or `channels` that are neither 1 nor 3
   * @throws GradiographError for a `cacheDir` with a `prepare` that is not made of `transforms`
   */
  static async open(root: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    const { channels, ...files } = resolveOptions('ImageFolder', options, {
      channels: 3,
      prepare: undefined,
      cacheBytes: undefined,
      cacheDir: undefined,
      maxPixels: undefined,
    });
    const store = openStore(files, channels);
    const classes = await naming(root, () => listClasses(root));
    const lists = await Promise.all(classes.map((name) => listClass(join(root, name))));
    const empty = classes.filter((_, i) => lists[i].length === 0).map(printable);
    if (empty.length > 0) throw new FormatError(`${root}: no image in the class folders ${empty.join(', ')}`);
    const images = lists.flatMap((paths, target) => paths.map((path) => ({ path, target })));
    return new ImageFolder(classes, images, store);
  }

  /** Class indices. */
  override get targetShape(): Shape {
    return [];
  }

  /** The index of the image's class. */
  target(index: number): number {
    return this.images[index].target;
  }
}

async function listClasses(root: string): Promise<string[]> {
  const classes: string[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    const isFolder = entry.isSymbolicLink()
      ? await leadsToFolder(join(root, entry.name))
      : entry.isDirectory();
    if (isFolder && !HIDDEN.test(entry.name)) classes.push(entry.name);
  }
  if (classes.length === 0) throw new FormatError('no folder of a class in it');
  return classes.sort(byName);
}

/** The images of a class in torchvision's order: by folder, then by name. */
async function listClass(folder: string): Promise<string[]> {
  const files = await naming(folder, () => listFiles(folder));
  const images = files.filter((file) => IMAGE.test(file) && !HIDDEN.test(file));
  const foreign = images.find((file) => !DECODED.test(file));
  if (foreign !== undefined) {
    throw new FormatError(
      `${printable(join(folder, foreign))}: only PNG and JPEG are decoded; convert it to one of these`,
    );
  }
  const folderOf = (file: string) => file.slice(0, Math.max(0, file.lastIndexOf('/')));
  return images
    .sort((a, b) => byName(folderOf(a), folderOf(b)) || byName(a, b))
    .map((file) => join(folder, file));
}
