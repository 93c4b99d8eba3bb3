import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DownloadError, FormatError } from '../errors.ts';

/** The networks whose ImageNet weights torchvision publishes. */
export type PretrainedModel =
  | 'resnet18'
  | 'resnet34'
  | 'resnet50'
  | 'resnet101'
  | 'resnet152'
  | 'densenet121'
  | 'densenet161'
  | 'densenet169'
  | 'densenet201';

/**
 * The ImageNet weights that torchvision publishes (IMAGENET1K_V1; torchvision/models/resnet.py and densenet.py). The
 * eight digits in a name are the start of the file's SHA-256.
 */
export const IMAGENET_WEIGHTS: Readonly<Record<PretrainedModel, string>> = {
  resnet18: 'resnet18-f37072fd.pth',
  resnet34: 'resnet34-b627a593.pth',
  resnet50: 'resnet50-0676ba61.pth',
  resnet101: 'resnet101-63fe2227.pth',
  resnet152: 'resnet152-394f9c45.pth',
  densenet121: 'densenet121-a639ec97.pth',
  densenet161: 'densenet161-8d451a50.pth',
  densenet169: 'densenet169-b2777c0a.pth',
  densenet201: 'densenet201-c1103571.pth',
};

/** The options of `fetchImagenetWeights`. */
export interface DownloadOptions {
  /** Where files are kept; default $GRADIOGRAPH_CACHE, else ~/.cache/gradiograph. */
  cacheDir?: string;
  /** Where the published files are; default PyTorch's own address. */
  baseUrl?: string;
  /** Called as bytes arrive; `total` is 0 where the server does not tell. */
  onProgress?: (received: number, total: number) => void;
}

const PUBLISHED = 'https://download.pytorch.org/models/';

/**
 * The path of the published ImageNet weights of a network, fetched once into the cache. A broken download goes on where
 * it stopped; a file whose hash is not the one in its name is removed.
 * @throws DownloadError when the file cannot be had; the message says which file to fetch and where to put it
 * @throws FormatError when what was fetched has another hash
 */
export function fetchImagenetWeights(model: PretrainedModel, options?: DownloadOptions): Promise<string> {
  return fetchWeights(IMAGENET_WEIGHTS[model], options);
}

/**
 * The path of a published file, fetched once into the cache. A broken download goes on where it stopped; a file whose
 * hash is not the one in its name is removed.
 * @param name `model-<first digits of SHA-256>.pth`
 * @throws DownloadError when the file cannot be had; the message says which file to fetch and where to put it
 * @throws FormatError when what was fetched has another hash
 */
export async function fetchWeights(
  name: string,
  { cacheDir = defaultCacheDir(), baseUrl = PUBLISHED, onProgress }: DownloadOptions = {},
): Promise<string> {
  const path = join(cacheDir, name);
  if (existsSync(path)) {
    await verifyHash(path, name);
    return path;
  }
  mkdirSync(cacheDir, { recursive: true });
  const partial = `${path}.part`;
  try {
    await download(new URL(name, baseUrl), partial, onProgress);
  } catch (error) {
    throw new DownloadError(
      `${name} could not be fetched (${reason(error)}); fetch ${new URL(name, baseUrl)} and put it at ${path}`,
      { cause: error },
    );
  }
  await verifyHash(partial, name);
  renameSync(partial, path);
  return path;
}

/** Where what can be had again is kept: $GRADIOGRAPH_CACHE, else ~/.cache/gradiograph. */
export const defaultCacheDir = (): string =>
  process.env.GRADIOGRAPH_CACHE ?? join(homedir(), '.cache', 'gradiograph');

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function download(
  url: URL,
  partial: string,
  onProgress?: DownloadOptions['onProgress'],
): Promise<void> {
  const have = existsSync(partial) ? statSync(partial).size : 0;
  const response = await fetch(url, have > 0 ? { headers: { range: `bytes=${have}-` } } : {});
  // 416: nothing is left to send, the file was complete when the last run stopped.
  if (have > 0 && response.status === 416) return;
  if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
  const resumes = response.status === 206;
  let received = resumes ? have : 0;
  const total = received + Number(response.headers.get('content-length') ?? 0);
  const body = Readable.fromWeb(response.body as import('node:stream/web').ReadableStream);
  body.on('data', (chunk: Uint8Array) => {
    received += chunk.length;
    onProgress?.(received, total);
  });
  await pipeline(body, createWriteStream(partial, { flags: resumes ? 'a' : 'w' }));
}

/** Compares a file with the hash in its name, `model-<first 8 digits of SHA-256>.pth`. */
async function verifyHash(path: string, name: string): Promise<void> {
  const wanted = /-([0-9a-f]{8,})\./.exec(name)?.[1];
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const found = hash.digest('hex');
  if (wanted && found.startsWith(wanted)) return;
  unlinkSync(path);
  throw new FormatError(
    `${path} has SHA-256 ${found.slice(0, 8)}..., its name wants ${wanted}; it was removed, fetch it again`,
  );
}
