/** PNG files made by hand: whatever the header says, over whatever data. */
import { crc32 } from '../../lib/data/codecs/crc32.ts';

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample; default 8. */
  readonly depth?: number;
  /** Default 0, gray. */
  readonly colorType?: number;
  readonly interlaced?: boolean;
}

/** A chunk: length, type, data and checksum. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const checked = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(checked));
  return Buffer.concat([length, checked, checksum]);
}

/** A file of that header, whose pixel data are the zlib stream `deflated`, with other chunks before it. */
export function pngFile(header: PngHeader, deflated: Uint8Array, before: readonly Buffer[] = []): Buffer {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(header.width, 0);
  ihdr.writeUInt32BE(header.height, 4);
  ihdr.set([header.depth ?? 8, header.colorType ?? 0, 0, 0, header.interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', ihdr),
    ...before,
    pngChunk('IDAT', deflated),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}
