/** Mutations of JPEG files, segment by segment (ITU-T T.81, annex B). */
import type { Mutation } from '../format.ts';
import { joinAll, pick } from '../mutate.ts';

/** Each marker with its segment, and from the start of the scan on the rest as one. */
function segmentsOf(bytes: Uint8Array): Uint8Array[] {
  const segments = [bytes.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    segments.push(bytes.subarray(at, end));
    at = end;
  }
  return [...segments, bytes.subarray(at)];
}

const isFrame = (segment: Uint8Array): boolean =>
  segment.length >= 10 && (segment[1] & 0xf0) === 0xc0 && segment[1] !== 0xc4;

/** Precision, height, width, components with their sampling and tables. */
const changeFrame: Mutation = (bytes, random) => {
  const segments = segmentsOf(bytes).map((segment) => {
    if (!isFrame(segment)) return segment;
    const data = segment.slice();
    const view = new DataView(data.buffer);
    const field = random.integer(4);
    const side = pick([0, 1, 7, 8, 9, 1000, 9999, 65_535, random.integer(65_536)], random);
    if (field < 2) view.setUint16(5 + 2 * field, side);
    else if (field === 2) data[1] = pick([0xc0, 0xc1, 0xc2, 0xc3, 0xc9], random);
    else data[4 + random.integer(data.length - 4)] = pick([0, 1, 2, 3, 4, 8, 0x11, 0x21, 0x44, 0xff], random);
    return data;
  });
  return joinAll(segments);
};

const changeSegments: Mutation = (bytes, random, other) => {
  const segments = segmentsOf(bytes);
  const at = random.integer(segments.length + 1);
  const [before, part, after] = [segments.slice(0, at), segments.slice(at, at + 1), segments.slice(at + 1)];
  switch (random.integer(5)) {
    case 0:
      return joinAll([...before, ...after]);
    case 1:
      return joinAll([...before, ...part, ...part, ...after]);
    case 2:
      return joinAll([...before, pick(segmentsOf(other), random), ...part, ...after]);
    case 3:
      return joinAll([
        ...before,
        ...part.map((segment) => segment.subarray(0, random.integer(segment.length + 1))),
        ...after,
      ]);
    default:
      return joinAll([...before, ...after, ...part]);
  }
};

/** A byte of a segment, which its tables are made of. */
const changeTable: Mutation = (bytes, random) => {
  const segments = segmentsOf(bytes);
  const at = 1 + random.integer(Math.max(1, segments.length - 1));
  const data = (segments[at] ?? segments[0]).slice();
  if (data.length > 0) data[random.integer(data.length)] = random.integer(256);
  return joinAll(segments.map((segment, i) => (i === at ? data : segment)));
};

export const JPEG: readonly Mutation[] = [changeFrame, changeSegments, changeTable];
