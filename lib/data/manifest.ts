import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { resolveOptions } from '../arguments.ts';
import { ArgumentError, FormatError, quote } from '../errors.ts';
import type { Shape } from '../tensor/shape.ts';
import { type CsvRow, parseCsv } from './csv.ts';
import { FileDataset, type ImageFileOptions, openStore } from './file-dataset.ts';
import type { MemoryCache } from './memory-cache.ts';
import { naming } from './naming.ts';

/** What a manifest can say of an image. */
export type ManifestColumn = 'path' | 'label' | 'patient' | 'study' | 'region' | 'split';

/** Columns that a manifest has to have, and where a row may not be empty; the next two only where they are there. */
const NEEDED: readonly ManifestColumn[] = ['path', 'label'];
const FILLED: readonly ManifestColumn[] = [...NEEDED, 'patient', 'split'];

/** The options of `ManifestDataset.open`. */
export interface ManifestOptions extends ImageFileOptions {
  /** The folder that paths are relative to, and may not leave; default the manifest's. */
  root?: string;
  /** The header's names of columns that are called otherwise, such as `{ path: 'file', patient: 'subject_id' }`. */
  columns?: Readonly<Partial<Record<ManifestColumn, string>>>;
  /** The labels there are, in the order of their indices; default none: labels are 0 and 1, targets a logit each. */
  classes?: readonly string[];
  /** 3 (default) for red, green and blue, which gray images repeat; 1 for gray, where colours become luminance. */
  channels?: 1 | 3;
}

/** A row of a manifest. Columns that it has not, and empty cells of `study` and `region`, are null. */
export interface ManifestImage {
  /** The file. */
  readonly path: string;
  /** As it is written. */
  readonly label: string;
  /** 0 or 1, or the index of the label among the classes. */
  readonly target: number;
  /** Whose image it is. */
  readonly patient: string | null;
  /** The study that it belongs to. */
  readonly study: string | null;
  /** What it shows. */
  readonly region: string | null;
  /** Which part of the data set it is in, such as 'train'. */
  readonly split: string | null;
  /** Of the manifest, counted from 1. */
  readonly line: number;
}

/** Images that a CSV file lists, one a row, with their labels. It is never changed: `filter` and `split` return another. */
export class ManifestDataset extends FileDataset<ManifestImage> {
  /** The labels in the order of their indices; null where they are 0 and 1. */
  readonly classes: readonly string[] | null;

  private constructor(
    images: readonly ManifestImage[],
    classes: readonly string[] | null,
    store: MemoryCache,
  ) {
    super(images, store);
    this.classes = classes;
  }

  /**
   * Reads a list with the columns `path` and `label`, and where it has them `patient`, `study`, `region` and `split`;
   * others are left alone. No image is opened.
   * @throws FormatError naming file and line for a row of another length than the header, an empty path, label, patient or
   *   split, a path that is listed twice or leaves the root, a label that is not among the classes, a patient in two
   *   splits; and for a list that cannot be read, has no row, or lacks a column
   * @throws ArgumentError for an option that there is not, `channels` that are neither 1 nor 3, or fewer than two classes, or one named twice
   * @throws GradiographError for a `cacheDir` with a `prepare` that is not made of `transforms`
   */
  static async open(file: string, options: ManifestOptions = {}): Promise<ManifestDataset> {
    const { root, columns, classes, channels, ...files } = resolveOptions('ManifestDataset', options, {
      root: dirname(file),
      columns: {},
      classes: null as never,
      channels: 3,
      prepare: undefined,
      cacheBytes: undefined,
      cacheDir: undefined,
      maxPixels: undefined,
    });
    const names = resolveOptions('ManifestDataset: columns', columns, NO_NAMES);
    checkClasses(classes);
    const store = openStore(files, channels);
    const images = await naming(file, async () => {
      const rows = await parseCsv(await readFile(file));
      const read = readRows(rows, names, resolve(root), classes ?? ['0', '1']);
      checkPatients(read);
      return read;
    });
    return new ManifestDataset(images, classes, store);
  }

  /** `[1]` for labels of 0 and 1, `[]` for the indices of classes. */
  override get targetShape(): Shape {
    return this.classes ? [] : [1];
  }

  /** 0 or 1, or the index of the image's class. */
  target(index: number): number {
    return this.images[index].target;
  }

  /** The images that satisfy `keep`. */
  filter(keep: (image: ManifestImage) => boolean): ManifestDataset {
    return new ManifestDataset(this.images.filter(keep), this.classes, this.files.store);
  }

  /** The images of a split. @throws ArgumentError, with those there are, for another */
  split(name: string): ManifestDataset {
    const splits = [...new Set(this.images.map(({ split }) => split))];
    if (!splits.includes(name)) {
      throw new ArgumentError(`ManifestDataset: no split ${quote(name)}, there are ${quote(splits)}`);
    }
    return this.filter(({ split }) => split === name);
  }
}

/** Every column, called as it is here. */
const NO_NAMES: Record<ManifestColumn, undefined> = {
  path: undefined,
  label: undefined,
  patient: undefined,
  study: undefined,
  region: undefined,
  split: undefined,
};

function checkClasses(classes: readonly string[] | null): void {
  if (classes && (classes.length < 2 || new Set(classes).size < classes.length)) {
    throw new ArgumentError(
      `ManifestDataset: classes want two names or more, each once, got ${quote(classes)}`,
    );
  }
}

type Names = Readonly<Record<ManifestColumn, string | undefined>>;

/** The place of each column in the header; -1 for one that may be absent, and is. */
function findColumns(header: readonly string[], names: Names): Record<ManifestColumn, number> {
  const places = (Object.keys(NO_NAMES) as ManifestColumn[]).map((column) => {
    const name = names[column] ?? column;
    const place = header.indexOf(name);
    if (place < 0 && (names[column] !== undefined || NEEDED.includes(column))) {
      throw new FormatError(`no column ${quote(name)}, the header has ${quote(header)}`);
    }
    if (place >= 0 && header.indexOf(name, place + 1) >= 0) {
      throw new FormatError(`two columns are called ${quote(name)}`);
    }
    return [column, place];
  });
  return Object.fromEntries(places);
}

function readRows(
  [header, ...rows]: readonly CsvRow[],
  names: Names,
  root: string,
  classes: readonly string[],
): ManifestImage[] {
  if (rows.length === 0) throw new FormatError('no row below a header');
  const places = findColumns(header.cells, names);
  const lines = new Map<string, number>();
  return rows.map(({ line, cells }) => {
    const fail = (fault: string): never => {
      throw new FormatError(`line ${line}: ${fault}`);
    };
    if (cells.length !== header.cells.length) {
      fail(`${cells.length} cells, the header has ${header.cells.length}`);
    }
    const cell = (column: ManifestColumn): string | null => {
      const text = places[column] < 0 ? null : cells[places[column]];
      if (text === '' && FILLED.includes(column)) fail(`no ${column}`);
      return text || null;
    };
    const [written, label] = [cell('path') ?? '', cell('label') ?? ''];
    const path = resolve(root, written);
    if (!isWithin(root, path)) fail(`${quote(written)} leads out of ${root}`);
    const earlier = lines.get(path);
    if (earlier !== undefined) fail(`repeats line ${earlier}: ${quote(written)}`);
    lines.set(path, line);
    const target = classes.indexOf(label);
    if (target < 0) fail(`label ${quote(label)} is none of ${quote(classes)}`);
    const [patient, study, region, split] = (['patient', 'study', 'region', 'split'] as const).map(cell);
    return { path, label, target, patient, study, region, split, line };
  });
}

/** Whether a file lies below a folder. */
function isWithin(folder: string, file: string): boolean {
  const way = relative(folder, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** What a model has seen of a patient in training must not be what it is tested by. */
function checkPatients(images: readonly ManifestImage[]): void {
  const first = new Map<string, ManifestImage>();
  for (const image of images) {
    if (image.patient === null) continue;
    const known = first.get(image.patient) ?? image;
    first.set(image.patient, known);
    if (known.split === image.split) continue;
    throw new FormatError(
      `line ${image.line}: patient ${quote(image.patient)} is in split ${quote(image.split)}, and at line ${known.line} in ${quote(known.split)}`,
    );
  }
}
