/**
 * PNG (W3C, third edition) from bytes to samples. Other decoders in JavaScript inflate without a bound or believe a
 * stream that is too short, and hold ten bytes a pixel or more; here the size in the header says what the data must
 * inflate to, to the byte, before anything is inflated.
 */
import { inflateSync } from 'node:zlib';
import { FormatError } from '../../errors.ts';
import { crc32 } from './crc32.ts';
import { checkSize, type Raster } from './raster.ts';

export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Deflate's shortest code for its longest match: two bits for 258 bytes. */
const MAX_DEFLATE_RATIO = 1032;

/** Samples a pixel, and the bits that each may have, by colour type. */
const COLOR_TYPES: Readonly<Record<number, { samples: 1 | 2 | 3 | 4; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
const PALETTE = 3;

/** The seven passes of Adam7: where each begins, and its steps, across and down. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

interface Header {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly colorType: number;
  readonly samples: 1 | 2 | 3 | 4;
  readonly interlaced: boolean;
}

/** Pixels that are stored as an image of their own, at every `dx`-th column from `x0` on and every `dy`-th row from `y0`. */
interface Pass {
  readonly x0: number;
  readonly y0: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
  /** Without the byte that names the filter. */
  readonly rowBytes: number;
}

/**
 * Decodes all colour types, bit depths and interlaced files. Fewer than 8 bits are spread over 0 to 255, palettes become
 * RGB, transparency of palettes and single colours is dropped; of an animation the still image is decoded.
 * @throws FormatError for a file that is truncated, corrupt, not a PNG, or of more pixels than `maxPixels`
 */
export function decodePng(file: Uint8Array, maxPixels: number): Raster {
  let header: Header | null = null;
  let palette: Uint8Array | null = null;
  const parts: Uint8Array[] = [];
  for (const { type, data } of chunksOf(file)) {
    if ((type === 'IHDR') === (header !== null)) throw broken(`'${type}' out of place`);
    if (type === 'IHDR') header = readHeader(data, maxPixels);
    else if (type === 'PLTE') palette = data;
    else if (type === 'IDAT') parts.push(data);
    else if (type !== 'IEND' && isCritical(type)) throw broken(`it wants '${type}', which is unknown`);
  }
  if (!header) throw broken('no IHDR');
  if (header.colorType === PALETTE && !palette) throw broken('no PLTE');
  const passes = passesOf(header);
  return unpack(header, passes, inflate(parts, passes), palette);
}

/** The chunks up to IEND, those that matter with their checksum verified. */
function* chunksOf(file: Uint8Array): Generator<{ type: string; data: Uint8Array }> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = PNG_SIGNATURE.length, type = ''; type !== 'IEND'; ) {
    const length = at + 12 <= file.length ? view.getUint32(at) : 0;
    if (at + 12 + length > file.length)
      throw truncated(`a chunk at byte ${at} of ${file.length} is not whole`);
    type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) throw broken(`no name of a chunk at byte ${at + 4}`);
    const end = at + 8 + length;
    if (isCritical(type) && crc32(file.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw broken(`the checksum of '${type}' at byte ${at} is wrong`);
    }
    yield { type, data: file.subarray(at + 8, end) };
    at = end + 4;
  }
}

/** Whether a chunk must be understood: its name begins with a capital letter. */
const isCritical = (type: string): boolean => (type.charCodeAt(0) & 0x20) === 0;

function readHeader(data: Uint8Array, maxPixels: number): Header {
  if (data.length !== 13) throw broken(`IHDR has ${data.length} bytes, not 13`);
  const view = new DataView(data.buffer, data.byteOffset);
  const [depth, colorType, compression, filter, interlace] = data.subarray(8);
  const kind = COLOR_TYPES[colorType];
  if (!kind?.depths.includes(depth)) throw broken(`no colour type ${colorType} of ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw broken(`unknown compression ${compression}, filter ${filter} or interlace ${interlace}`);
  }
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  checkSize('PNG', width, height, maxPixels);
  return { width, height, depth, colorType, samples: kind.samples, interlaced: interlace === 1 };
}

function passesOf({ width, height, depth, samples, interlaced }: Header): Pass[] {
  return (interlaced ? ADAM7 : [[0, 0, 1, 1]])
    .map(([x0, y0, dx, dy]) => {
      const across = Math.ceil((width - x0) / dx);
      const down = Math.ceil((height - y0) / dy);
      return {
        x0,
        y0,
        dx,
        dy,
        width: across,
        height: down,
        rowBytes: Math.ceil((across * samples * depth) / 8),
      };
    })
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

/** The bytes of all passes, exactly: zlib has written every one of them, and verified their Adler-32. */
function inflate(parts: readonly Uint8Array[], passes: readonly Pass[]): Uint8Array {
  const data = parts.length === 1 ? parts[0] : Buffer.concat(parts);
  const size = passes.reduce((sum, pass) => sum + pass.height * (1 + pass.rowBytes), 0);
  let raw: Uint8Array | null = null;
  if (size <= MAX_DEFLATE_RATIO * data.length) {
    try {
      raw = inflateSync(data, { chunkSize: Math.max(64, size + 1), maxOutputLength: size });
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ERR_BUFFER_TOO_LARGE')
        throw broken(`more pixel data than the ${size} bytes of its size`, cause);
      if (code !== 'Z_BUF_ERROR') throw broken(`its pixel data: ${message}`, cause);
    }
  }
  if (raw?.length !== size) throw truncated(`less pixel data than the ${size} bytes of its size`);
  return raw;
}

function unpack(
  header: Header,
  passes: readonly Pass[],
  raw: Uint8Array,
  palette: Uint8Array | null,
): Raster {
  const { width, height, depth, colorType, samples } = header;
  const channels = colorType === PALETTE ? 3 : samples;
  const data = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  /** Bytes a pixel, or 1: how far back a filter looks. */
  const step = Math.ceil((samples * depth) / 8);
  let at = 0;
  for (const { x0, y0, dx, dy, width: across, height: down, rowBytes } of passes) {
    // A pixel of zeros stands to the left of each row, and a row of them above the first.
    let row = new Uint8Array(step + rowBytes);
    let above = new Uint8Array(step + rowBytes);
    for (let y = 0; y < down; y++) {
      row.set(raw.subarray(at + 1, at + 1 + rowBytes), step);
      undoFilter(raw[at], row, above, step);
      at += 1 + rowBytes;
      const found = samplesOf(row.subarray(step), across * samples, depth, colorType === PALETTE);
      const line = palette && colorType === PALETTE ? lookUp(found, palette) : found;
      const to = ((y0 + y * dy) * width + x0) * channels;
      if (dx === 1) data.set(line, to);
      else
        for (let i = 0; i < line.length; i++)
          data[to + i + Math.floor(i / channels) * (dx - 1) * channels] = line[i];
      [row, above] = [above, row];
    }
  }
  return { width, height, channels, data };
}

/** The `count` samples of a row. Fewer than 8 bits are spread over 0 to 255, unless they are `indices` of a palette. */
function samplesOf(
  row: Uint8Array,
  count: number,
  depth: number,
  indices: boolean,
): Uint8Array | Uint16Array {
  if (depth === 8) return row;
  if (depth === 16) {
    const values = new Uint16Array(count);
    for (let i = 0; i < count; i++) values[i] = (row[2 * i] << 8) | row[2 * i + 1];
    return values;
  }
  const mask = 2 ** depth - 1;
  const level = indices ? 1 : 255 / mask;
  const values = new Uint8Array(count);
  for (let i = 0, bit = 0; i < count; i++, bit += depth) {
    values[i] = level * ((row[bit >> 3] >> (8 - depth - (bit & 7))) & mask);
  }
  return values;
}

function lookUp(indices: Uint8Array | Uint16Array, palette: Uint8Array): Uint8Array {
  const colors = new Uint8Array(3 * indices.length);
  indices.forEach((index, i) => {
    if (3 * index + 3 > palette.length) throw broken(`no colour ${index} in its palette`);
    for (let c = 0; c < 3; c++) colors[3 * i + c] = palette[3 * index + c];
  });
  return colors;
}

/** Turns differences into bytes, in place (section 9 of the standard). */
function undoFilter(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = step; i < row.length; i++) row[i] += row[i - step];
      return;
    case 2:
      for (let i = step; i < row.length; i++) row[i] += above[i];
      return;
    case 3:
      for (let i = step; i < row.length; i++) row[i] += (row[i - step] + above[i]) >> 1;
      return;
    case 4:
      for (let i = step; i < row.length; i++) row[i] += paeth(row[i - step], above[i], above[i - step]);
      return;
    default:
      throw broken(`a row has filter ${filter}, of 0 to 4`);
  }
}

/** Of left, above and above left the one that is nearest to left + above - above left, the first of equals. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

const truncated = (reason: string): FormatError => new FormatError(`truncated PNG: ${reason}`);

const broken = (reason: string, cause?: unknown): FormatError =>
  new FormatError(`broken PNG: ${reason}`, { cause });
