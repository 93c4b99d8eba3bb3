/**
 * The safetensors format: the header's length in eight bytes, a JSON header with each tensor's dtype, shape and place,
 * and the values, little-endian and without a hole. Specification: github.com/huggingface/safetensors, README.md.
 */
import { resolveOptions } from '../arguments.ts';
import { FormatError, quote } from '../errors.ts';
import { tensor } from '../tensor/create.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Dtype, ELEMENT_TYPES, float32Of } from './element-types.ts';
import { parseJson } from './json.ts';

/** Values outside any device. */
export interface HostTensor {
  /** The sizes of the axes. */
  readonly shape: Shape;
  /** The values, row by row. */
  readonly data: Float32Array;
}

/** The options of `writeSafetensors`. */
export interface WriteSafetensorsOptions {
  /** The dtype of each tensor. Default: F32, and I64 for `num_batches_tracked`, as PyTorch has it. */
  dtype?: (name: string) => Dtype;
  /** Strings that go into the header. Default none. */
  metadata?: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** Within the values. */
  readonly begin: number;
  readonly end: number;
}

interface Header {
  readonly metadata: Record<string, string>;
  readonly entries: Entry[];
  /** Where the values start. */
  readonly start: number;
}

/** As in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const METADATA = '__metadata__';
const DTYPES = Object.keys(ELEMENT_TYPES) as Dtype[];

/**
 * Reads a safetensors file onto the current device, as float32.
 * @throws FormatError saying what is wrong with the file, before anything is made
 */
export function readSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  const { entries, start } = readHeader(bytes);
  return new Map(
    entries.map((entry) => {
      const values = bytes.subarray(start + entry.begin, start + entry.end);
      return [entry.name, tensor(decode(values, entry.dtype), entry.shape)];
    }),
  );
}

/** The strings that a safetensors file has in its header beside the tensors. @throws FormatError as readSafetensors */
export const readSafetensorsMetadata = (bytes: Uint8Array): Record<string, string> =>
  readHeader(bytes).metadata;

function decode(bytes: Uint8Array, dtype: Dtype): Float32Array {
  if (dtype === 'F32') return float32Of(bytes);
  const type = ELEMENT_TYPES[dtype];
  const length = bytes.byteLength / type.bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length }, (_, i) => type.read(view, i * type.bytes));
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.byteLength < LENGTH_BYTES) {
    fail(`${bytes.byteLength} bytes are too short, the header's length takes ${LENGTH_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) fail(`a header of ${length} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  const start = LENGTH_BYTES + length;
  if (start > bytes.byteLength) {
    fail(`the header should end at byte ${start}, the file ends at ${bytes.byteLength}`);
  }
  const { [METADATA]: metadata = {}, ...tensors } = parseHeader(bytes.subarray(LENGTH_BYTES, start));
  if (!isObject(metadata)) fail(`${METADATA} is ${quote(metadata)}, want an object of strings`);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') fail(`${METADATA} has ${quote(value)} as ${quote(key)}, want a string`);
  }
  const entries = Object.entries(tensors).map(([name, info]) => checkEntry(name, info));
  checkPlaces(entries, bytes.byteLength - start);
  return { metadata: metadata as Record<string, string>, entries, start };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    fail('the header is no UTF-8', error);
  }
  if (!text.startsWith('{')) fail('the header does not start with {');
  try {
    return parseJson(text) as Record<string, unknown>;
  } catch (error) {
    fail(`the header is ${(error as Error).message}`, error);
  }
}

function checkEntry(name: string, info: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(info) ? info : {};
  if (!DTYPES.includes(dtype as Dtype)) {
    fail(`${quote(name)} has dtype ${quote(dtype)}, want one of ${DTYPES.join(', ')}`);
  }
  if (!isSizes(shape)) fail(`${quote(name)} has shape ${quote(shape)}, want whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    fail(`${quote(name)} has data_offsets ${quote(offsets)}, want two whole numbers`);
  }
  const [begin, end] = offsets;
  const wanted = sizeOf(shape) * ELEMENT_TYPES[dtype as Dtype].bytes;
  if (end - begin !== wanted) {
    fail(
      `${quote(name)}, ${dtype} ${quote(shape)}, wants ${wanted} bytes, its data_offsets have ${end - begin}`,
    );
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

/** The entries fill `length` bytes without hole or overlap. */
function checkPlaces(entries: readonly Entry[], length: number): void {
  let filled = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== filled) {
      fail(
        `${quote(name)} begins at byte ${begin}, the tensor before it ends at ${filled}: ${begin < filled ? 'an overlap' : 'a hole'}`,
      );
    }
    filled = end;
  }
  if (filled !== length) fail(`the tensors take ${filled} bytes, the file has ${length} after the header`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function fail(fault: string, cause?: unknown): never {
  throw new FormatError(`safetensors: ${fault}`, { cause });
}

/** Copies tensors out of their device, for a device that has no synchronous read. */
export async function download(state: ReadonlyMap<string, Tensor>): Promise<Map<string, HostTensor>> {
  const values = new Map<string, HostTensor>();
  for (const [name, tensor] of state) values.set(name, { shape: tensor.shape, data: await tensor.data() });
  return values;
}

const pytorchDtype = (name: string): Dtype => (/(^|\.)num_batches_tracked$/.test(name) ? 'I64' : 'F32');

/**
 * The bytes of a safetensors file, the same that the reference implementation writes.
 * @param state tensors of a device that can be read synchronously, or what `download` returned
 * @throws FormatError for values that their dtype cannot hold, and for a tensor named `__metadata__`
 */
export function writeSafetensors(
  state: ReadonlyMap<string, Tensor | HostTensor>,
  options: WriteSafetensorsOptions = {},
): Uint8Array {
  const { dtype, metadata } = resolveOptions('writeSafetensors', options, {
    dtype: pytorchDtype,
    metadata: {},
  });
  if (state.has(METADATA)) fail(`no tensor can be named ${METADATA}`);
  const sorted = [...state]
    .map(([name, source]) => ({ name, source, dtype: dtype(name) }))
    .sort((a, b) => DTYPES.indexOf(a.dtype) - DTYPES.indexOf(b.dtype) || (a.name < b.name ? -1 : 1));
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  let length = 0;
  const entries = sorted.map(({ name, source, dtype }) => {
    const begin = length;
    length += sizeOf(source.shape) * ELEMENT_TYPES[dtype].bytes;
    header.push([name, { dtype, shape: source.shape, data_offsets: [begin, length] }]);
    return { name, source, dtype, begin };
  });
  const members = header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;
  if (headerLength > MAX_HEADER_BYTES)
    fail(`a header of ${headerLength} bytes, at most ${MAX_HEADER_BYTES} are allowed`);

  const file = new Uint8Array(LENGTH_BYTES + headerLength + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerLength);
  file.set(json, LENGTH_BYTES);
  for (const { name, source, dtype, begin } of entries) {
    const data = source instanceof Tensor ? source.dataSync() : source.data;
    encode(name, data, dtype, file, LENGTH_BYTES + headerLength + begin);
  }
  return file;
}

function encode(name: string, data: Float32Array, dtype: Dtype, file: Uint8Array, at: number): void {
  const { bytes, isInteger, read, write } = ELEMENT_TYPES[dtype];
  if (dtype === 'F32') {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    return;
  }
  const view = new DataView(file.buffer);
  data.forEach((value, i) => {
    const fits = !isInteger || Number.isInteger(value);
    if (fits) write(view, at + i * bytes, value);
    if (!fits || (isInteger && read(view, at + i * bytes) !== value)) {
      fail(`${quote(name)} holds ${value}, which ${dtype} cannot`);
    }
  });
}
