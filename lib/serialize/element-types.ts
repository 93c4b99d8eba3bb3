/** The number formats of weight files, little-endian. Tensors here are float32, and other values are rounded to it. */

export interface ElementType {
  readonly bytes: number;
  readonly isInteger: boolean;
  read(view: DataView, at: number): number;
  write(view: DataView, at: number, value: number): void;
}

const type = (
  bytes: number,
  isInteger: boolean,
  read: ElementType['read'],
  write: ElementType['write'],
): ElementType => ({ bytes, isInteger, read, write });

/** The element types of weight files, under the names that the safetensors format has for them. */
export type Dtype =
  | 'U64'
  | 'I64'
  | 'F64'
  | 'F32'
  | 'U32'
  | 'I32'
  | 'BF16'
  | 'F16'
  | 'U16'
  | 'I16'
  | 'I8'
  | 'U8'
  | 'BOOL';

/** How values of each type are read and written, the widest type first, as safetensors files are ordered. */
export const ELEMENT_TYPES: Readonly<Record<Dtype, ElementType>> = {
  U64: type(
    8,
    true,
    (view, at) => Number(view.getBigUint64(at, true)),
    (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  ),
  I64: type(
    8,
    true,
    (view, at) => Number(view.getBigInt64(at, true)),
    (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  ),
  F64: type(
    8,
    false,
    (view, at) => view.getFloat64(at, true),
    (view, at, value) => view.setFloat64(at, value, true),
  ),
  F32: type(
    4,
    false,
    (view, at) => view.getFloat32(at, true),
    (view, at, value) => view.setFloat32(at, value, true),
  ),
  U32: type(
    4,
    true,
    (view, at) => view.getUint32(at, true),
    (view, at, value) => view.setUint32(at, value, true),
  ),
  I32: type(
    4,
    true,
    (view, at) => view.getInt32(at, true),
    (view, at, value) => view.setInt32(at, value, true),
  ),
  BF16: type(
    2,
    false,
    (view, at) => bfloat16ToNumber(view.getUint16(at, true)),
    (view, at, value) => view.setUint16(at, numberToBfloat16(value), true),
  ),
  F16: type(
    2,
    false,
    (view, at) => halfToNumber(view.getUint16(at, true)),
    (view, at, value) => view.setUint16(at, numberToHalf(value), true),
  ),
  U16: type(
    2,
    true,
    (view, at) => view.getUint16(at, true),
    (view, at, value) => view.setUint16(at, value, true),
  ),
  I16: type(
    2,
    true,
    (view, at) => view.getInt16(at, true),
    (view, at, value) => view.setInt16(at, value, true),
  ),
  I8: type(
    1,
    true,
    (view, at) => view.getInt8(at),
    (view, at, value) => view.setInt8(at, value),
  ),
  U8: type(
    1,
    true,
    (view, at) => view.getUint8(at),
    (view, at, value) => view.setUint8(at, value),
  ),
  BOOL: type(
    1,
    true,
    (view, at) => (view.getUint8(at) ? 1 : 0),
    (view, at, value) => view.setUint8(at, value ? 1 : 0),
  ),
};

/** IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounded to the nearest binary16, ties to even; infinite from 65520 on. */
export function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const steps = roundToEven(size / 2 ** (exponent - 10));
  return sign | (exponent === -14 ? steps : ((exponent + 14) << 10) + steps);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

const bits32 = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function bfloat16ToNumber(bits: number): number {
  bits32.setUint32(0, bits << 16);
  return bits32.getFloat32(0);
}

/** Rounded to the nearest bfloat16, ties to even. */
function numberToBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  bits32.setFloat32(0, value);
  const bits = bits32.getUint32(0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The float32 values of bytes, bit for bit, in place where they lie at a multiple of four. */
export function float32Of(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
