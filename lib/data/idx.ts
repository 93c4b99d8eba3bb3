/** IDX files, as MNIST and Fashion-MNIST come in: the format of http://yann.lecun.com/exdb/mnist. */
import { FormatError } from '../errors.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';

/** What an IDX file holds, row by row. */
export interface IdxArray {
  /** Of the array: `[N, H, W]` for images, `[N]` for labels. */
  readonly shape: Shape;
  /** The values, of the type that the file says. */
  readonly data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

interface ElementType {
  readonly bytes: number;
  read(view: DataView, offset: number, length: number): IdxArray['data'];
}

/** An array of big-endian values. */
function type<T extends IdxArray['data']>(
  ArrayOf: { readonly BYTES_PER_ELEMENT: number; new (length: number): T },
  get: (view: DataView, at: number) => number,
): ElementType {
  const bytes = ArrayOf.BYTES_PER_ELEMENT;
  return {
    bytes,
    read: (view, offset, length) => {
      const data = new ArrayOf(length);
      for (let i = 0; i < length; i++) data[i] = get(view, offset + i * bytes);
      return data;
    },
  };
}

const TYPES: ReadonlyMap<number, ElementType> = new Map([
  [0x08, type(Uint8Array, (view, at) => view.getUint8(at))],
  [0x09, type(Int8Array, (view, at) => view.getInt8(at))],
  [0x0b, type(Int16Array, (view, at) => view.getInt16(at))],
  [0x0c, type(Int32Array, (view, at) => view.getInt32(at))],
  [0x0d, type(Float32Array, (view, at) => view.getFloat32(at))],
  [0x0e, type(Float64Array, (view, at) => view.getFloat64(at))],
]);

/**
 * The array of an IDX file: two zero bytes, the type, the number of dimensions, each of these as big-endian uint32, and
 * the values, big-endian.
 * @throws FormatError for a file that begins otherwise (one that is still packed by gzip, say), that is truncated, that
 *   has bytes beyond its values, or whose dimensions multiply to more than can be counted
 */
export function readIdx(bytes: Uint8Array): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw new FormatError('IDX: the file is packed by gzip; unpack it first, as by DecompressionStream');
  }
  if (bytes.length < 4) throw new FormatError(`IDX: ${bytes.length} bytes, the header alone wants 4`);
  const element = TYPES.get(bytes[2]);
  if (bytes[0] !== 0 || bytes[1] !== 0 || !element) {
    const magic = view.getUint32(0).toString(16).padStart(8, '0');
    throw new FormatError(
      `IDX: wants 0000, a type of ${typeNames()} and the number of dimensions, found ${magic}`,
    );
  }
  const rank = bytes[3];
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    throw new FormatError(`IDX: ${bytes.length} bytes, the header of ${rank} dimensions wants ${start}`);
  }
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const length = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const wanted = start + length * element.bytes;
  if (!Number.isSafeInteger(wanted))
    throw new FormatError(`IDX: ${formatShape(shape)} is more than can be counted`);
  if (bytes.length !== wanted) {
    throw new FormatError(`IDX: ${bytes.length} bytes, ${formatShape(shape)} wants ${wanted}`);
  }
  return { shape, data: element.read(view, start, length) };
}

const typeNames = (): string =>
  [...TYPES.keys()].map((code) => code.toString(16).padStart(2, '0')).join(', ');
