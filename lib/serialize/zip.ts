import { FormatError, quote } from '../errors.ts';

const END_OF_DIRECTORY = 0x06054b50;
const ZIP64_LOCATOR = 0x07064b50;
const ZIP64_END = 0x06064b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const UINT32_MAX = 0xffffffff;

/**
 * The stored (uncompressed) members of a zip archive by name, as views of `bytes` (APPNOTE.TXT 4.3). torch.save
 * never compresses, so a compressed member is an error, and no archive can unfold to more than its own size.
 * @throws FormatError naming the member, for anything truncated, compressed, encrypted or overlapping its archive
 */
export function readStoredZip(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const check = (offset: number, size: number, what: string): void => {
    if (!(offset >= 0 && offset + size <= bytes.length)) {
      throw new FormatError(
        `zip: truncated: ${what} wants bytes ${offset}..${offset + size} of ${bytes.length}`,
      );
    }
  };
  const uint64 = (offset: number): number => Number(view.getBigUint64(offset, true));

  let { offset, count } = findDirectory(view, check, uint64);
  const members = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) {
    check(offset, 46, 'a directory entry');
    if (view.getUint32(offset, true) !== DIRECTORY_ENTRY) {
      throw new FormatError(`zip: entry ${i} of the directory is broken, at byte ${offset}`);
    }
    const flags = view.getUint16(offset + 8, true);
    const method = view.getUint16(offset + 10, true);
    let size = view.getUint32(offset + 20, true);
    let fullSize = view.getUint32(offset + 24, true);
    const nameLength = view.getUint16(offset + 28, true);
    const extraLength = view.getUint16(offset + 30, true);
    const commentLength = view.getUint16(offset + 32, true);
    let header = view.getUint32(offset + 42, true);
    check(offset + 46, nameLength + extraLength + commentLength, 'a directory entry');
    const name = new TextDecoder().decode(bytes.subarray(offset + 46, offset + 46 + nameLength));

    // Zip64 keeps what does not fit 32 bits in an extra field, in this order and only where it is needed (4.5.3).
    const extraEnd = offset + 46 + nameLength + extraLength;
    for (let extra = offset + 46 + nameLength; extra + 4 <= extraEnd; ) {
      const length = view.getUint16(extra + 2, true);
      if (view.getUint16(extra, true) === 1) {
        let at = extra + 4;
        const next = (current: number): number => {
          if (current !== UINT32_MAX) return current;
          if (at + 8 > extraEnd) throw new FormatError(`zip: ${quote(name)} has a broken zip64 field`);
          at += 8;
          return uint64(at - 8);
        };
        fullSize = next(fullSize);
        size = next(size);
        header = next(header);
      }
      extra += 4 + length;
    }
    offset = extraEnd + commentLength;

    if (method !== 0 || size !== fullSize) {
      throw new FormatError(`zip: ${quote(name)} is compressed; torch.save stores its members as they are`);
    }
    if (flags & 1) throw new FormatError(`zip: ${quote(name)} is encrypted`);
    if (members.has(name)) throw new FormatError(`zip: ${quote(name)} is there twice`);
    check(header, 30, `the header of ${quote(name)}`);
    if (view.getUint32(header, true) !== LOCAL_HEADER) {
      throw new FormatError(`zip: ${quote(name)} has no header at byte ${header}`);
    }
    // The local name and extra field have lengths of their own: torch.save pads the extra field to align the data.
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    check(start, size, quote(name));
    members.set(name, bytes.subarray(start, start + size));
  }
  return members;
}

/** Where the central directory starts and how many entries it has. */
function findDirectory(
  view: DataView,
  check: (offset: number, size: number, what: string) => void,
  uint64: (offset: number) => number,
): { offset: number; count: number } {
  // The end record is 22 bytes and a comment of at most 65,535.
  let end = view.byteLength - 22;
  const lowest = Math.max(0, end - 0xffff);
  while (end >= lowest && view.getUint32(end, true) !== END_OF_DIRECTORY) end--;
  if (end < lowest)
    throw new FormatError('zip: no end-of-directory record: the file is truncated or no zip archive');
  const count = view.getUint16(end + 10, true);
  const offset = view.getUint32(end + 16, true);
  if (count !== 0xffff && offset !== UINT32_MAX) return { offset, count };
  if (end < 20 || view.getUint32(end - 20, true) !== ZIP64_LOCATOR) return { offset, count };
  const record = uint64(end - 12);
  check(record, 56, 'the zip64 end record');
  if (view.getUint32(record, true) !== ZIP64_END)
    throw new FormatError('zip: the zip64 end record is broken');
  return { offset: uint64(record + 48), count: uint64(record + 32) };
}
