import jpeg from 'jpeg-js';
import { FormatError } from '../../errors.ts';
import { checkSize, type Raster } from './raster.ts';

export const JPEG_SIGNATURE: readonly number[] = [0xff, 0xd8, 0xff];

/** Frames that are not decoded, by the low half of their marker (ITU-T T.81, table B.1). */
const UNKNOWN_FRAMES: Readonly<Record<number, string>> = {
  3: 'lossless',
  5: 'hierarchical',
  6: 'hierarchical',
  7: 'hierarchical',
  9: 'arithmetically coded',
  10: 'arithmetically coded',
  11: 'arithmetically coded',
  13: 'hierarchical',
  14: 'hierarchical',
  15: 'hierarchical',
};

/** Encoders write about ten; each makes a decoder go over the whole image. */
const MAX_SCANS = 100;

interface Component {
  readonly id: number;
  /** Samples across and down for each unit of the whole. */
  readonly h: number;
  readonly v: number;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
}

interface Header {
  readonly frame: Frame;
  readonly scans: number;
  /** What Adobe's marker says of the colours: 0 for none or RGB, 1 for YCbCr; null without the marker. */
  readonly transform: number | null;
}

/**
 * Decodes baseline and progressive files of 8 bits, gray, YCbCr or RGB, to RGB.
 * @throws FormatError for a file that is truncated, corrupt, of more pixels than `maxPixels`, or of a kind that is not
 *   decoded (CMYK, lossless, hierarchical, arithmetic coding, 12 bits), which is named
 */
export function decodeJpeg(file: Uint8Array, maxPixels: number): Raster {
  const { frame, scans, transform } = readHeader(file);
  const { width, height, components } = frame;
  checkSize('JPEG', width, height, maxPixels);
  if (scans > MAX_SCANS) throw new FormatError(`a JPEG of ${scans} scans, ${MAX_SCANS} at most are decoded`);
  const blocks = countBlocks(frame);
  if (blocks > 8 * file.length) {
    throw new FormatError(`truncated JPEG: ${width}x${height} pixels want more than ${file.length} bytes`);
  }
  const isRgb =
    transform === 0 ||
    (transform === null && String.fromCharCode(...components.map(({ id }) => id)) === 'RGB');
  try {
    const { data } = jpeg.decode(file, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      colorTransform: !isRgb,
      maxResolutionInMP: maxPixels / 1e6,
      // Coefficients of 4 bytes, samples, and both again by pixels; the rest is for tables.
      maxMemoryUsageInMB: (blocks * 64 * 6 + width * height * (components.length + 3)) / 2 ** 20 + 16,
    });
    return { width, height, channels: 3, data };
  } catch (cause) {
    const reason = cause instanceof TypeError ? 'its data contradict its headers' : (cause as Error).message;
    throw broken(reason, cause);
  }
}

/** Walks through the segments to the end of the image, past what lies between them, as libjpeg does. */
function readHeader(file: Uint8Array): Header {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let frame: Frame | null = null;
  let transform: number | null = null;
  let scans = 0;
  let restart = 0;
  for (let at = 2; ; ) {
    at = file.indexOf(0xff, at) + 1;
    if (at === 0 || at >= file.length) throw truncated(file);
    const marker = file[at];
    if (marker === 0xff) continue;
    at++;
    if (marker === 0xd9) break;
    if (isBare(marker)) continue;
    const length = at + 2 <= file.length ? view.getUint16(at) : 0;
    if (at + Math.max(2, length) > file.length) throw truncated(file);
    const segment = file.subarray(at + 2, at + length);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (frame) throw broken('a second frame');
      frame = readFrame(marker, segment);
    } else if (marker === 0xee && String.fromCharCode(...segment.subarray(0, 5)) === 'Adobe') {
      transform = segment[11] ?? null;
    } else if (marker === 0xdd) {
      restart = (segment[0] << 8) | segment[1];
    } else if (marker === 0xda) {
      if (frame && restart > 0) checkRestarts(frame, segment, restart);
      scans++;
    }
    at += length;
  }
  if (!frame || scans === 0) throw broken(frame ? 'no scan' : 'no frame header');
  return { frame, scans, transform };
}

/** Markers that nothing follows: stuffed zeros and restarts within a scan, and TEM. */
const isBare = (marker: number): boolean => marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd7);

function readFrame(marker: number, segment: Uint8Array): Frame {
  const kind = UNKNOWN_FRAMES[marker & 0xf];
  if (kind) throw unknown(`it is ${kind}`);
  const [precision, high, low, wide, narrow, count] = segment;
  if (segment.length < 6 || segment.length < 6 + 3 * count) throw broken('its frame header is too short');
  if (precision !== 8) throw unknown(`it has ${precision} bits a sample`);
  if (count !== 1 && count !== 3)
    throw unknown(`it has ${count} colour channels${count === 4 ? ' (CMYK)' : ''}`);
  const components = Array.from({ length: count }, (_, i) => {
    const [id, sampling] = segment.subarray(6 + 3 * i);
    return { id, h: sampling >> 4, v: sampling & 15 };
  });
  if (components.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4))
    throw broken('its sampling is not 1 to 4');
  return { width: (wide << 8) | narrow, height: (high << 8) | low, components };
}

/** jpeg-js runs past the last block of a component where the distance of restart markers does not divide their number. */
function checkRestarts({ width, height, components }: Frame, [count, id]: Uint8Array, restart: number): void {
  const component = components.find((candidate) => candidate.id === id);
  if (count !== 1 || !component) return;
  const across = Math.ceil((Math.ceil(width / 8) * component.h) / Math.max(...components.map(({ h }) => h)));
  const down = Math.ceil((Math.ceil(height / 8) * component.v) / Math.max(...components.map(({ v }) => v)));
  if ((across * down) % restart !== 0) {
    throw unknown(`it has a restart marker every ${restart} blocks, of ${across}x${down}`);
  }
}

/** Blocks of 8x8 samples that are decoded; each takes a bit or more in the file. */
function countBlocks({ width, height, components }: Frame): number {
  const across = Math.ceil(width / 8 / Math.max(...components.map(({ h }) => h)));
  const down = Math.ceil(height / 8 / Math.max(...components.map(({ v }) => v)));
  return components.reduce((sum, { h, v }) => sum + across * h * down * v, 0);
}

const truncated = ({ length }: Uint8Array): FormatError =>
  new FormatError(`truncated JPEG: its ${length} bytes have no end of the image`);

const broken = (reason: string, cause?: unknown): FormatError =>
  new FormatError(`broken JPEG: ${reason}`, { cause });

const unknown = (reason: string): FormatError =>
  new FormatError(
    `a JPEG of a kind that is not decoded: ${reason}; save it as baseline or progressive, gray or RGB`,
  );
