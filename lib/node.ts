/**
 * Files, images, data sets and training, for Node.
 * @module gradiograph/node
 */
import './tensor/methods.ts';
import { readFile } from 'node:fs/promises';
import { naming } from './data/naming.ts';
import {
  download,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from './serialize/safetensors.ts';
import { readTorch } from './serialize/torch.ts';
import type { Tensor } from './tensor/tensor.ts';
import { writeWhole } from './train/files.ts';

export { type DecodeOptions, decodeImage } from './data/codecs/decode.ts';
export { encodePng, encodeRgbPng } from './data/codecs/encode-png.ts';
export { type CsvRow, formatCsv, parseCsv } from './data/csv.ts';
export { FileDataset, type ImageFile, type ImageFileOptions } from './data/file-dataset.ts';
export { type FolderImage, ImageFolder, type ImageFolderOptions } from './data/image-folder.ts';
export * from './data/index.ts';
export {
  type ManifestColumn,
  ManifestDataset,
  type ManifestImage,
  type ManifestOptions,
} from './data/manifest.ts';
export { naming } from './data/naming.ts';
export { DownloadError } from './errors.ts';
export * from './explain/index.ts';
export { overlayPng } from './explain/overlay-png.ts';
export {
  type BrokenImage,
  type CheckedImages,
  type CheckOptions,
  countRows,
  describeBroken,
  MuraDataset,
  type MuraOptions,
  type MuraSplits,
} from './mura/dataset.ts';
export * from './mura/index.ts';
export { type DrawnCounts, drawMura, type SyntheticOptions } from './mura/synthetic.ts';
export { printable, visible, visibleJson } from './printable.ts';
export * as readers from './readers.ts';
export { chooseGallery, type GalleryItem } from './report/gallery.ts';
export { html, Markup, type Part } from './report/html.ts';
export { type Report, type ReportSet, type TrainingHistory, writeReport } from './report/report.ts';
export {
  describePredictions,
  type RegionSummary,
  type ScoredImage,
  scoreImages,
  summarizeRegions,
} from './report/summary.ts';
export { formatTable } from './report/table.ts';
export { parseJson } from './serialize/json.ts';
export {
  type DownloadOptions,
  defaultCacheDir,
  fetchImagenetWeights,
  IMAGENET_WEIGHTS,
  type PretrainedModel,
} from './serialize/pretrained.ts';
export { checkpointFile, readCheckpoint, saveCheckpoint } from './train/checkpoint-file.ts';
export { writeNew, writeWhole } from './train/files.ts';
export { lockFolder } from './train/folder-lock.ts';
export * from './train/index.ts';
export { BROKEN_PIPE, catchInterrupt, type Interrupt, surviveOutput } from './train/interrupt.ts';
export { writeLog } from './train/log.ts';

/** Whether PyTorch wrote a file: a zip archive, or a pickle that begins with torch.save's ten-byte magic number. */
const isTorch = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x50 && bytes[1] === 0x4b) || (bytes[0] === 0x80 && bytes[2] === 0x8a && bytes[3] === 0x0a);

/**
 * The tensors of a `.safetensors` file, or of one that PyTorch wrote (told by its content), on the current device.
 * @throws FormatError naming the file and what is wrong with it
 */
export async function loadWeights(path: string): Promise<Map<string, Tensor>> {
  return naming(path, async () => {
    const bytes: Uint8Array = await readFile(path);
    return isTorch(bytes) ? readTorch(bytes) : readSafetensors(bytes);
  });
}

/**
 * The strings that `saveWeights` put into a `.safetensors` file beside the tensors.
 * @throws FormatError naming the file and what is wrong with it
 */
export async function loadMetadata(path: string): Promise<Record<string, string>> {
  return naming(path, async () => readSafetensorsMetadata(await readFile(path)));
}

/** Writes tensors to a `.safetensors` file, whole or not at all; `metadata` goes into its header. */
export async function saveWeights(
  path: string,
  stateDict: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeWhole(path, writeSafetensors(await download(stateDict), { metadata }));
}
