/** Mutations of PNG files, chunk by chunk, with checksums that fit: else all but the first check would go untested. */
import { deflateSync, inflateSync } from 'node:zlib';
import { crc32 } from '../../../lib/data/codecs/crc32.ts';
import type { Generator } from '../../../lib/index.ts';
import type { Mutation } from '../format.ts';
import { concat, joinAll, pick, repeat } from '../mutate.ts';

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

const MAGIC = 8;

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  for (let at = MAGIC; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) break;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function join(magic: Uint8Array, chunks: readonly Chunk[]): Uint8Array {
  const parts = chunks.map(({ type, data }) => {
    const body = concat(
      Uint8Array.from(type, (character) => character.charCodeAt(0)),
      data,
    );
    const [length, crc] = [new Uint8Array(4), new Uint8Array(4)];
    new DataView(length.buffer).setUint32(0, data.length);
    new DataView(crc.buffer).setUint32(0, crc32(body));
    return concat(length, body, crc);
  });
  return joinAll([magic, ...parts]);
}

const change =
  (mutate: (chunks: Chunk[], random: Generator) => Chunk[]): Mutation =>
  (bytes, random) =>
    join(bytes.subarray(0, MAGIC), mutate(chunksOf(bytes), random));

/** Width, height, depth, colour type, compression, filter, interlace. */
const changeHeader = change((chunks, random) =>
  chunks.map((chunk) => {
    if (chunk.type !== 'IHDR' || chunk.data.length < 13) return chunk;
    const data = chunk.data.slice();
    const view = new DataView(data.buffer);
    const field = random.integer(6);
    const side = pick(
      [0, 1, 2, 8, 1000, 20_000, 2 ** 20, 2 ** 31 - 1, 2 ** 32 - 1, random.integer(64)],
      random,
    );
    if (field < 2) view.setUint32(4 * field, side);
    else data[6 + field] = pick([0, 1, 2, 3, 4, 6, 8, 16, random.integer(256)], random);
    return { ...chunk, data };
  }),
);

/** What the pixels are packed from: fewer, more, other filters. */
const changePixels = change((chunks, random) => {
  const packed = joinAll(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data));
  let pixels: Uint8Array;
  try {
    pixels = inflateSync(packed);
  } catch {
    return chunks;
  }
  const at = random.integer(pixels.length + 1);
  const other = pick(
    [
      () => pixels.subarray(0, at),
      () => concat(pixels, repeat(Uint8Array.of(random.integer(256)), random)),
      () => concat(pixels.subarray(0, at), Uint8Array.of(random.integer(8)), pixels.subarray(at + 1)),
      () => repeat(pixels.subarray(0, at), random),
    ],
    random,
  )();
  const data = deflateSync(other, { level: random.integer(10) });
  const first = chunks.findIndex(({ type }) => type === 'IDAT');
  return chunks.flatMap((chunk, i) =>
    chunk.type !== 'IDAT' ? chunk : i === first ? { ...chunk, data } : [],
  );
});

const changeChunks = change((chunks, random) => {
  const at = random.integer(chunks.length + 1);
  const [before, part, after] = [chunks.slice(0, at), chunks.slice(at, at + 1), chunks.slice(at + 1)];
  const types = [
    'IDAT',
    'PLTE',
    'tRNS',
    'IEND',
    'IHDR',
    'acTL',
    'fdAT',
    'tEXt',
    'zTXt',
    'iCCP',
    'gAMA',
    'ABCD',
  ];
  const data = repeat(Uint8Array.of(random.integer(256)), random);
  switch (random.integer(5)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, ...part, ...part, ...after];
    case 2:
      return [...before, { type: pick(types, random), data }, ...part, ...after];
    case 3:
      return [
        ...before,
        ...part.map((chunk) => ({ ...chunk, data: chunk.data.subarray(random.integer(4)) })),
        ...after,
      ];
    default:
      return [...before, ...after.reverse(), ...part];
  }
});

/** One stream of pixels in several chunks. */
const splitPixels = change((chunks, random) =>
  chunks.flatMap((chunk) => {
    if (chunk.type !== 'IDAT') return chunk;
    const at = random.integer(chunk.data.length + 1);
    return [chunk.data.subarray(0, at), chunk.data.subarray(at)].map((data) => ({ ...chunk, data }));
  }),
);

export const PNG: readonly Mutation[] = [changeHeader, changePixels, changeChunks, splitPixels];
