import { resolveOptions } from '../arguments.ts';
import { FormatError, quote } from '../errors.ts';
import { tensor } from '../tensor/create.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ELEMENT_TYPES, type ElementType, float32Of } from './element-types.ts';
import { PickleDict, type PickleGlobal, unpickle } from './pickle.ts';
import { readStoredZip } from './zip.ts';

/** The options of `readTorch`. */
export interface ReadTorchOptions {
  /** Removed from the front of every key that has it: `'module.'` for a file saved from DataParallel. Default none. */
  stripPrefix?: string;
}

const STORAGE_TYPES: Readonly<Record<string, ElementType>> = {
  FloatStorage: ELEMENT_TYPES.F32,
  DoubleStorage: ELEMENT_TYPES.F64,
  HalfStorage: ELEMENT_TYPES.F16,
  BFloat16Storage: ELEMENT_TYPES.BF16,
  LongStorage: ELEMENT_TYPES.I64,
  IntStorage: ELEMENT_TYPES.I32,
  ShortStorage: ELEMENT_TYPES.I16,
  CharStorage: ELEMENT_TYPES.I8,
  ByteStorage: ELEMENT_TYPES.U8,
  BoolStorage: ELEMENT_TYPES.BOOL,
};

/** As PyTorch's own. */
const MAX_RANK = 64;

/** An expanded tensor repeats elements, and tensors may share a storage, so a short file could claim any size. */
const MAX_VALUES_PER_BYTE = 1;

/** What training programs file a state dict under; one may lie in another, but a dict may also hold itself. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'model'];
const MAX_WRAPPERS = 8;

/** A storage named in a pickle; its bytes may come later in the file. */
class TorchStorage {
  bytes: Uint8Array | null = null;
  constructor(
    readonly key: string,
    readonly type: ElementType,
    readonly length: number,
    readonly root?: { readonly storage: TorchStorage; readonly offset: number },
  ) {}
}

/** A tensor as the pickle describes it: a view of a storage, in elements. */
class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function rebuildTensor(args: readonly unknown[]): TorchTensor {
  const [storage, offset, shape, strides] = args;
  const lists =
    Array.isArray(shape) &&
    Array.isArray(strides) &&
    shape.length === strides.length &&
    shape.length <= MAX_RANK;
  if (
    !(storage instanceof TorchStorage && isCount(offset) && lists && [...shape, ...strides].every(isCount))
  ) {
    throw new FormatError(
      'torch: a tensor is described by something else than storage, offset, size and stride',
    );
  }
  return new TorchTensor(storage, offset, shape, strides);
}

const identity = (args: readonly unknown[]): unknown => args[0];

const CALLS: Readonly<Record<string, PickleGlobal['call']>> = {
  'collections.OrderedDict': (args) => {
    const dict = new PickleDict();
    for (const item of Array.isArray(args[0]) ? args[0] : []) {
      if (Array.isArray(item)) dict.set(item[0], item[1]);
    }
    return dict;
  },
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': identity,
  'torch.Size': identity,
};

/** The globals that a file of tensors may name: PyTorch's weights-only list, as far as tensors need it. */
function resolveGlobal(name: string): PickleGlobal | null {
  const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (call) return { name, call };
  const storage = /^torch\.(?:cuda\.|storage\.)?([A-Za-z0-9]+Storage)$/.exec(name)?.[1];
  return storage && Object.hasOwn(STORAGE_TYPES, storage) ? { name: storage } : null;
}

/** The storages that a pickle names by persistent id: ('storage', type, key, location, length[, view]). */
class StorageTable {
  readonly byKey = new Map<string, TorchStorage>();

  resolve = (id: unknown): TorchStorage => {
    const [tag, type, key, , length, view] = Array.isArray(id) ? id : [];
    const element = STORAGE_TYPES[(type as PickleGlobal | undefined)?.name ?? ''];
    if (tag !== 'storage' || !element || typeof key !== 'string' || !isCount(length)) {
      throw new FormatError('torch: a storage is described by something else than type, key and length');
    }
    const known = this.byKey.get(key) ?? new TorchStorage(key, element, length);
    this.byKey.set(key, known);
    // Files from before PyTorch 0.4 may hold a view (key, offset, length) of the storage.
    if (!Array.isArray(view)) return known;
    if (!isCount(view[1]) || !isCount(view[2]))
      throw new FormatError(`torch: storage ${quote(key)} has a broken view`);
    return new TorchStorage(quote(view[0]), element, view[2], { storage: known, offset: view[1] });
  };
}

/**
 * Reads a file written by `torch.save`: a state dict of tensors, bare or under `state_dict`, `model` or `model_state_dict`.
 * Both formats are read: the zip archive of PyTorch 1.6 and later, and the older stream of pickles. Nothing in the
 * file is executed.
 * @returns tensors on the current device by key, in the file's order; all float32
 * @throws FormatError naming what is truncated, not allowed or inconsistent
 */
export function readTorch(bytes: Uint8Array, options: ReadTorchOptions = {}): Map<string, Tensor> {
  const { stripPrefix } = resolveOptions('readTorch', options, { stripPrefix: '' });
  const isZip = bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b;
  const root = isZip ? readZipFormat(bytes) : readLegacyFormat(bytes);
  const views = new Map<string, StridedView>();
  let left = MAX_VALUES_PER_BYTE * bytes.length;
  for (const [key, value] of findStateDict(root)) {
    left -= sizeOf(value.shape);
    const name = key.startsWith(stripPrefix) ? key.slice(stripPrefix.length) : key;
    if (views.has(name))
      throw new FormatError(`torch: two keys are ${quote(name)} without the prefix '${stripPrefix}'`);
    views.set(name, resolveView(key, value, left));
  }
  // All of the file is known to be sound before the first tensor is made.
  return new Map([...views].map(([name, view]) => [name, tensor(readValues(view), view.shape)]));
}

function readZipFormat(bytes: Uint8Array): unknown {
  const members = readStoredZip(bytes);
  const pickleName = [...members.keys()].find((name) => name.endsWith('/data.pkl'));
  const pickle = pickleName === undefined ? undefined : members.get(pickleName);
  if (pickleName === undefined || !pickle) {
    throw new FormatError('torch: the archive has no data.pkl, so torch.save did not write it');
  }
  const prefix = pickleName.slice(0, -'data.pkl'.length);
  const order = members.get(`${prefix}byteorder`);
  if (order && new TextDecoder().decode(order) !== 'little')
    throw new FormatError('torch: the file is big-endian');
  const storages = new StorageTable();
  const { value } = unpickle(pickle, 0, { global: resolveGlobal, persistent: storages.resolve });
  for (const storage of storages.byKey.values()) {
    storage.bytes = members.get(`${prefix}data/${storage.key}`) ?? null;
    checkStorage(storage);
  }
  return value;
}

/** torch/serialization.py _legacy_save: the pickles magic, protocol, system, object, keys; then each storage. */
function readLegacyFormat(bytes: Uint8Array): unknown {
  const storages = new StorageTable();
  const options = { global: resolveGlobal, persistent: storages.resolve };
  let offset = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, offset, options);
    offset = end;
    return value;
  };
  if (next() !== 0x1950a86a20f9469cfc6cn) {
    throw new FormatError(
      "torch: neither a zip archive nor a stream that starts with PyTorch's magic number",
    );
  }
  const protocol = next();
  if (protocol !== 1001) throw new FormatError(`torch: stream protocol ${quote(protocol)}, want 1001`);
  const system = next();
  if (!(system instanceof PickleDict) || system.get('little_endian') !== true) {
    throw new FormatError('torch: the file is big-endian');
  }
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new FormatError('torch: the list of storages is missing');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.byKey.get(key) : undefined;
    if (!storage) throw new FormatError(`torch: storage ${quote(key)} belongs to no tensor`);
    if (offset + 8 > bytes.length)
      throw new FormatError(`torch: truncated before storage ${quote(storage.key)}`);
    const length = Number(view.getBigInt64(offset, true));
    if (length !== storage.length) {
      throw new FormatError(
        `torch: storage ${quote(storage.key)} has ${length} elements, its tensors want ${storage.length}`,
      );
    }
    offset += 8;
    storage.bytes = bytes.subarray(offset, offset + length * storage.type.bytes);
    offset += length * storage.type.bytes;
    checkStorage(storage);
  }
  return root;
}

function checkStorage({ key, bytes, length, type }: TorchStorage): void {
  const wanted = length * type.bytes;
  if (bytes?.length !== wanted) {
    throw new FormatError(
      `torch: storage ${quote(key)} wants ${wanted} bytes, the file has ${bytes?.length ?? 'none'}`,
    );
  }
}

/** The entries of the dict of tensors: the object itself, or what it holds under a well-known name. */
function findStateDict(root: unknown): [string, TorchTensor][] {
  let dict = asDict(root);
  for (let depth = 0; ; depth++) {
    const inner = WRAPPERS.map((name) => dict.get(name)).find((value) => value instanceof PickleDict);
    if (!inner) break;
    if (depth === MAX_WRAPPERS) {
      throw new FormatError(`torch: the state dict lies more than ${MAX_WRAPPERS} dicts deep`);
    }
    dict = asDict(inner);
  }
  const entries = dict.entries();
  return entries.map(([key, value]) => {
    if (typeof key !== 'string' || !(value instanceof TorchTensor)) {
      const keys = quote(entries.map(([key]) => key));
      throw new FormatError(
        `torch: ${quote(key)} is no tensor, so this is no state dict; its keys are ${keys}`,
      );
    }
    return [key, value];
  });
}

function asDict(value: unknown): PickleDict {
  if (value instanceof PickleDict) return value;
  const what = value instanceof TorchTensor ? 'a single tensor' : 'no dict';
  throw new FormatError(
    `torch: the file holds ${what}, want a state dict: torch.save(model.state_dict(), path)`,
  );
}

/** The bytes of a tensor: where they start and how far apart they are, in elements. */
interface StridedView {
  readonly bytes: Uint8Array;
  readonly type: ElementType;
  readonly start: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Finds a tensor's bytes, and checks that all of them are there; `left` is how many values it may not exceed. */
function resolveView(
  key: string,
  { storage, offset, shape, strides }: TorchTensor,
  left: number,
): StridedView {
  const root = storage.root?.storage ?? storage;
  const start = offset + (storage.root?.offset ?? 0);
  const size = sizeOf(shape);
  const last = size === 0 ? start : shape.reduce((at, n, axis) => at + (n - 1) * strides[axis], start + 1);
  if (last > root.length) {
    throw new FormatError(`torch: ${quote(key)} reaches element ${last} of a storage of ${root.length}`);
  }
  if (!(left >= 0)) {
    throw new FormatError(
      `torch: ${quote(key)} repeats ${root.length} elements to ${size}: the tensors are larger than a file of weights would have them`,
    );
  }
  const { bytes, type } = root;
  if (!bytes)
    throw new FormatError(`torch: the storage ${quote(root.key)} of ${quote(key)} is not in the file`);
  return { bytes, type, start, shape, strides };
}

/** Gathers a view into row-major float32; one that is that already is not copied. */
function readValues({ bytes, type, start, shape, strides }: StridedView): Float32Array {
  const size = sizeOf(shape);
  const isContiguous = shape.every((n, axis) => n === 1 || strides[axis] === sizeOf(shape.slice(axis + 1)));
  if (type === ELEMENT_TYPES.F32 && isContiguous) {
    return float32Of(bytes.subarray(4 * start, 4 * (start + size)));
  }

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(size);
  const index = new Array<number>(shape.length).fill(0);
  let at = start;
  for (let i = 0; i < size; i++) {
    out[i] = type.read(view, at * type.bytes);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
