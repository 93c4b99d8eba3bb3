/** A zip archive whose members are stored as they are (APPNOTE.TXT 4.3), without the checksums, which torch's reader passes over. */
import { concat, joinAll } from '../mutate.ts';

const record = (
  signature: number,
  fields: readonly (readonly [bytes: 2 | 4, value: number])[],
): Uint8Array => {
  const bytes = new Uint8Array(4 + fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
};

export function storedZip(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [member, data] of members) {
    const name = new TextEncoder().encode(member);
    // Version, flags, method, time, date, checksum, both sizes, lengths of name and extra field.
    const common = [
      ...([
        [2, 20],
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
      ] as const),
      ...([
        [4, data.length],
        [4, data.length],
        [2, name.length],
        [2, 0],
      ] as const),
    ] as const;
    const local = concat(record(0x04034b50, common), name, data);
    // Version made by; then comment, disk, attributes, and where the local header is.
    const rest = [
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, offset],
    ] as const;
    directory.push(concat(record(0x02014b50, [[2, 20], ...common, ...rest]), name));
    files.push(local);
    offset += local.length;
  }
  const entries = joinAll(directory);
  const end = record(0x06054b50, [
    ...([
      [2, 0],
      [2, 0],
      [2, members.size],
      [2, members.size],
    ] as const),
    ...([
      [4, entries.length],
      [4, offset],
      [2, 0],
    ] as const),
  ]);
  return joinAll([...files, entries, end]);
}
