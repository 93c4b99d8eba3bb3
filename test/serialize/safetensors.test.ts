import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { FormatError } from '../../lib/errors.ts';
import { nn, seed, tensor } from '../../lib/index.ts';
import { halfToNumber, numberToHalf } from '../../lib/serialize/element-types.ts';
import {
  type Dtype,
  download,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from '../../lib/serialize/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

const golden = new Uint8Array(readFileSync(new URL('../golden/dtypes.safetensors', import.meta.url)));

const FLOATS = [-2.5, 0, -0, 1, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NaN];
const SIGNED = [-128, -1, 0, 127];
const UNSIGNED = [0, 1, 200, 255];

/** What record_safetensors.py wrote. */
const CONTENT: Record<string, { dtype: Dtype; shape: number[]; values: number[] }> = {
  zebra: { dtype: 'F32', shape: [2, 4], values: FLOATS },
  f64: { dtype: 'F64', shape: [8], values: FLOATS },
  f16: { dtype: 'F16', shape: [8], values: FLOATS },
  bf16: { dtype: 'BF16', shape: [4], values: [-2.5, 0, 1, Number.POSITIVE_INFINITY] },
  i64: { dtype: 'I64', shape: [2, 2], values: SIGNED },
  i32: { dtype: 'I32', shape: [4], values: SIGNED },
  i16: { dtype: 'I16', shape: [4], values: SIGNED },
  i8: { dtype: 'I8', shape: [4], values: SIGNED },
  u64: { dtype: 'U64', shape: [4], values: UNSIGNED },
  u32: { dtype: 'U32', shape: [4], values: UNSIGNED },
  u16: { dtype: 'U16', shape: [4], values: UNSIGNED },
  u8: { dtype: 'U8', shape: [4], values: UNSIGNED },
  bool: { dtype: 'BOOL', shape: [3], values: [1, 0, 1] },
  'bn.num_batches_tracked': { dtype: 'I64', shape: [], values: [7] },
  'a "quoted" é name': { dtype: 'F32', shape: [1], values: [3.5] },
  '10': { dtype: 'F32', shape: [1], values: [10] },
  '9': { dtype: 'F32', shape: [0, 3], values: [] },
};

test.before.each(() => {
  setDevice(new ReferenceDevice());
  seed(0);
});

test('every dtype of a file by the reference implementation is read', () => {
  const state = readSafetensors(golden);
  assert.equal([...state.keys()].sort(), Object.keys(CONTENT).sort());
  for (const [name, { shape, values }] of Object.entries(CONTENT)) {
    assert.equal([...(state.get(name)?.shape ?? [])], shape, name);
    assert.equal([...(state.get(name)?.dataSync() ?? [])], values, name);
  }
  assert.equal(readSafetensorsMetadata(golden), { format: 'pt' });
});

test('a file that does not start at a multiple of four is read, too', () => {
  const shifted = new Uint8Array(golden.length + 1);
  shifted.set(golden, 1);
  assert.equal([...(readSafetensors(shifted.subarray(1)).get('zebra')?.dataSync() ?? [])], FLOATS);
});

test('the bits of NaNs survive, wherever in memory the file lies', () => {
  const values = new Float32Array(Uint32Array.of(0x7f800001, 0xffc12345, 0x7fc00000).buffer);
  const bytes = writeSafetensors(new Map([['x', { shape: [3], data: values }]]));
  for (const offset of [0, 1]) {
    const shifted = new Uint8Array(bytes.length + offset);
    shifted.set(bytes, offset);
    const read = readSafetensors(shifted.subarray(offset)).get('x')?.dataSync() ?? new Float32Array();
    assert.equal(new Uint32Array(read.slice().buffer), new Uint32Array(values.buffer));
  }
});

test('what is written is what the reference implementation writes, byte for byte', () => {
  const state = new Map(
    Object.entries(CONTENT).map(([name, { shape, values }]) => [
      name,
      tensor(Float32Array.from(values), shape),
    ]),
  );
  const written = writeSafetensors(state, {
    dtype: (name) => CONTENT[name].dtype,
    metadata: { format: 'pt' },
  });
  assert.ok(Buffer.from(written).equals(Buffer.from(golden)));
});

test("a model's state dict goes out and in again, counts as I64", async () => {
  const net = () => new nn.Sequential(new nn.Conv2d(2, 3, { kernelSize: 3 }), new nn.BatchNorm2d(3));
  const [first, second] = [net(), net()];
  const bytes = writeSafetensors(await download(first.stateDict()));
  assert.equal(bytes, writeSafetensors(first.stateDict()));
  assert.match(new TextDecoder().decode(bytes), '"1.num_batches_tracked":{"dtype":"I64","shape":[]');
  second.loadStateDict(readSafetensors(bytes));
  assert.equal(writeSafetensors(second.stateDict()), bytes);
});

test('an empty file and names that objects treat in their own way survive', () => {
  assert.is(readSafetensors(writeSafetensors(new Map())).size, 0);
  const state = new Map([['__proto__', tensor([1, 2])]]);
  assert.equal([...(readSafetensors(writeSafetensors(state)).get('__proto__')?.dataSync() ?? [])], [1, 2]);
});

test('values that a dtype cannot hold are refused', () => {
  const write = (value: number, dtype: Dtype) => () =>
    writeSafetensors(new Map([['x', tensor([value])]]), { dtype: () => dtype });
  assert.throws(write(1.5, 'I32'), /'x' holds 1\.5, which I32 cannot/);
  assert.throws(write(300, 'U8'), /'x' holds 300, which U8 cannot/);
  assert.throws(write(-1, 'U64'), /'x' holds -1, which U64 cannot/);
  assert.throws(write(Number.NaN, 'I64'), /'x' holds NaN, which I64 cannot/);
  assert.throws(write(2, 'BOOL'), /'x' holds 2, which BOOL cannot/);
  assert.throws(() => writeSafetensors(new Map([['__metadata__', tensor([1])]])), /__metadata__/);
});

test('every half goes to a number and back, and the nearest half is found', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = halfToNumber(bits);
    if (!Number.isNaN(value)) assert.is(numberToHalf(value), bits);
  }
  assert.is(halfToNumber(numberToHalf(1 + 2 ** -11)), 1);
  assert.is(halfToNumber(numberToHalf(1 + 3 * 2 ** -11)), 1 + 2 ** -9);
  assert.is(halfToNumber(numberToHalf(65519)), 65504);
  assert.is(numberToHalf(65520), 0x7c00);
  assert.is(numberToHalf(2 ** -25), 0);
  assert.is(numberToHalf(1.01 * 2 ** -25), 1);
});

/** A file with this header, its length told truly unless given, and so many bytes of values. */
function file(header: string, valueBytes = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + valueBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (shape: unknown, begin: unknown, end: unknown, dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

const BROKEN: Record<string, [bytes: Uint8Array, fault: RegExp]> = {
  'shorter than the length': [new Uint8Array(7), /7 bytes are too short/],
  'a header length beyond the limit': [file('{}', 0, 1n << 60n), /at most 100000000/],
  'a header length beyond the file': [file('{}', 0, 3n), /should end at byte 11, the file ends at 10/],
  'a header that is no UTF-8': [new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), /no UTF-8/],
  'a header that is no JSON': [file('{"a":'), /no JSON/],
  'a header deep beyond reason': [file(`{"a":${'['.repeat(100_000)}`), /no JSON/],
  'a dtype nested beyond reason': [
    file(`{"a":{"dtype":${nested(200_000)},"shape":[0],"data_offsets":[0,0]}}`),
    /the header is JSON that nests deeper than 128/,
  ],
  'a dtype of five million characters': [
    file(`{"a":${entry([0], 0, 0, 'x'.repeat(5_000_000))}}`),
    /'a' has dtype 'x{100}'... \(5000000 characters\), want one of/,
  ],
  'a shape of a million sizes': [
    file(`{"a":${entry(new Array(1e6).fill(-1), 0, 0)}}`),
    /shape \[-1, .* \(1000000 items\)\]/,
  ],
  'a name of a million characters': [
    file(`{"${'n'.repeat(1e6)}":${entry([1], 0, 8)}}`, 8),
    /'n{100}'\.\.\. \(1000000 characters\), F32/,
  ],
  'a name that moves the cursor': [
    file(`{"\\u001b[2J\\u202e":${entry([1], 0, 8)}}`, 8),
    /'\\x1b\[2J\\u202e', F32/,
  ],
  'a header that is an array': [file('[]'), /does not start with \{/],
  'a header that starts with a space': [file(' {}'), /does not start with \{/],
  'a key twice': [
    file(`{"a":${entry([1], 0, 4)},"\\u0061":${entry([1], 4, 8)}}`, 8),
    /has the key 'a' twice/,
  ],
  'a key twice within': [
    file('{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    /twice/,
  ],
  'metadata that is no strings': [
    file('{"__metadata__":{"a":1}}'),
    /__metadata__ has 1 as 'a', want a string/,
  ],
  'metadata that is a list': [file('{"__metadata__":[]}'), /__metadata__ is \[\], want an object/],
  'a tensor that is no object': [file('{"a":3}'), /'a' has dtype undefined/],
  'an unknown dtype': [
    file(`{"a":${entry([1], 0, 1, 'F8_E4M3')}}`, 1),
    /'a' has dtype 'F8_E4M3', want one of/,
  ],
  'a negative size': [file(`{"a":${entry([-1], 0, 4)}}`, 4), /'a' has shape \[-1\]/],
  'a fractional size': [file(`{"a":${entry([0.5], 0, 2)}}`, 2), /'a' has shape/],
  'a size beyond whole numbers': [
    file('{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}}', 4),
    /shape/,
  ],
  'a product beyond whole numbers': [file(`{"a":${entry([2 ** 40, 2 ** 40], 0, 4)}}`, 4), /wants .* bytes/],
  'three offsets': [file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', 4), /data_offsets/],
  'offsets that run backwards': [file(`{"a":${entry([1], 4, 0)}}`, 4), /data_offsets have -4/],
  'offsets that do not fit the shape': [file(`{"a":${entry([2], 0, 4)}}`, 4), /wants 8 bytes.* have 4/],
  'offsets beyond the file': [file(`{"a":${entry([2], 0, 8)}}`, 4), /take 8 bytes, the file has 4/],
  'an overlap': [file(`{"a":${entry([2], 0, 8)},"b":${entry([1], 4, 8)}}`, 8), /an overlap/],
  'a hole': [file(`{"a":${entry([1], 0, 4)},"b":${entry([1], 8, 12)}}`, 12), /a hole/],
  'a hole at the start': [file(`{"a":${entry([1], 4, 8)}}`, 8), /a hole/],
  'bytes left over': [file(`{"a":${entry([1], 0, 4)}}`, 5), /take 4 bytes, the file has 5/],
};

for (const [name, [bytes, fault]] of Object.entries(BROKEN)) {
  test(`a file with ${name} is refused`, () => {
    assert.throws(
      () => readSafetensors(bytes),
      (error: Error) =>
        error instanceof FormatError && fault.test(error.message) && error.message.length < 1000,
    );
  });
}

test('a file cut anywhere is refused', () => {
  for (let length = 0; length < golden.length; length++) {
    assert.throws(
      () => readSafetensors(golden.subarray(0, length)),
      (error: Error) => error instanceof FormatError,
    );
  }
});

test.run();
