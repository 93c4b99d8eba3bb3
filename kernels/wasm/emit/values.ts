/**
 * Typed WebAssembly expressions. Each value holds the instructions that leave it on the stack, so that kernels read
 * as arithmetic: `acc.set(a.fma(b, acc))`. Opcodes are those of the WebAssembly 2.0 core specification, section 5.4,
 * and of the relaxed-SIMD proposal.
 */

export type Code = readonly number[];
export type ValueType = 'i32' | 'f32' | 'f64' | 'v128';

export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest ? byte | 0x80 : byte);
  } while (rest);
  return bytes;
}

export function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && !(byte & 0x40)) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
}

const floatBytes = (value: number): number[] => [...new Uint8Array(new Float32Array([value]).buffer)];
const doubleBytes = (value: number): number[] => [...new Uint8Array(new Float64Array([value]).buffer)];

const simd = (opcode: number): number[] => [0xfd, ...unsignedLeb(opcode)];
/** A memory operand: alignment as a power of two, and a constant offset in bytes. */
const memarg = (align: number, offset: number): number[] => [align, ...unsignedLeb(offset)];

export abstract class Value {
  abstract readonly type: ValueType;
  readonly code: Code;
  constructor(code: Code) {
    this.code = code;
  }
}

/** A value that lives in a local and can be set; made by `Code`'s builder. */
export type Local<V extends Value> = V & { set(value: V | number): void };

/** Integers, truth values (0 or 1) and addresses: the loads are methods of the address. */
export class I32 extends Value {
  readonly type = 'i32';
  static const = (value: number): I32 => new I32([0x41, ...signedLeb(value)]);
  static of = (value: I32 | number): I32 => (typeof value === 'number' ? I32.const(value) : value);

  #binary(opcode: number, b: I32 | number): I32 {
    return new I32([...this.code, ...I32.of(b).code, opcode]);
  }
  add(b: I32 | number): I32 {
    return b === 0 ? this : this.#binary(0x6a, b);
  }
  sub(b: I32 | number): I32 {
    return b === 0 ? this : this.#binary(0x6b, b);
  }
  mul(b: I32 | number): I32 {
    return b === 1 ? this : this.#binary(0x6c, b);
  }
  /** Unsigned quotient. */
  div(b: I32 | number): I32 {
    return b === 1 ? this : this.#binary(0x6e, b);
  }
  /** Unsigned remainder. */
  rem(b: I32 | number): I32 {
    return this.#binary(0x70, b);
  }
  and(b: I32 | number): I32 {
    return this.#binary(0x71, b);
  }
  or(b: I32 | number): I32 {
    return this.#binary(0x72, b);
  }
  shl(b: I32 | number): I32 {
    return this.#binary(0x74, b);
  }
  eqz(): I32 {
    return new I32([...this.code, 0x45]);
  }
  eq(b: I32 | number): I32 {
    return this.#binary(0x46, b);
  }
  ne(b: I32 | number): I32 {
    return this.#binary(0x47, b);
  }
  /** Signed comparisons. */
  lt(b: I32 | number): I32 {
    return this.#binary(0x48, b);
  }
  gt(b: I32 | number): I32 {
    return this.#binary(0x4a, b);
  }
  le(b: I32 | number): I32 {
    return this.#binary(0x4c, b);
  }
  ge(b: I32 | number): I32 {
    return this.#binary(0x4e, b);
  }
  /** Unsigned comparisons: for addresses, and 0 <= i < n in one go. */
  below(b: I32 | number): I32 {
    return this.#binary(0x49, b);
  }
  min(b: I32 | number): I32 {
    return this.lt(b).select(this, I32.of(b));
  }
  max(b: I32 | number): I32 {
    return this.gt(b).select(this, I32.of(b));
  }
  /** this != 0 ? a : b */
  select<V extends Value>(a: V, b: V): V {
    const select = a.type === 'v128' ? [0x1c, 1, 0x7b] : [0x1b];
    return new (a.constructor as new (code: Code) => V)([...a.code, ...b.code, ...this.code, ...select]);
  }
  toF32(): F32 {
    return new F32([...this.code, 0xb2]);
  }
  /** The same bits as a float32. */
  asF32(): F32 {
    return new F32([...this.code, 0xbe]);
  }

  i32(offset = 0): I32 {
    return new I32([...this.code, 0x28, ...memarg(2, offset)]);
  }
  f32(offset = 0): F32 {
    return new F32([...this.code, 0x2a, ...memarg(2, offset)]);
  }
  v128(offset = 0): V128 {
    return new V128([...this.code, ...simd(0x00), ...memarg(2, offset)]);
  }
  /** One float32 in all four lanes. */
  splat32(offset = 0): V128 {
    return new V128([...this.code, ...simd(0x09), ...memarg(2, offset)]);
  }
  /** `vector` with this address's float32 in one lane. */
  lane32(vector: V128, lane: number, offset = 0): V128 {
    return new V128([...this.code, ...vector.code, ...simd(0x56), ...memarg(2, offset), lane]);
  }
}

export class F32 extends Value {
  readonly type = 'f32';
  static const = (value: number): F32 => new F32([0x43, ...floatBytes(value)]);
  static of = (value: F32 | number): F32 => (typeof value === 'number' ? F32.const(value) : value);

  #binary(opcode: number, b: F32 | number): F32 {
    return new F32([...this.code, ...F32.of(b).code, opcode]);
  }
  #compare(opcode: number, b: F32 | number): I32 {
    return new I32([...this.code, ...F32.of(b).code, opcode]);
  }
  add(b: F32 | number): F32 {
    return this.#binary(0x92, b);
  }
  sub(b: F32 | number): F32 {
    return this.#binary(0x93, b);
  }
  mul(b: F32 | number): F32 {
    return this.#binary(0x94, b);
  }
  div(b: F32 | number): F32 {
    return this.#binary(0x95, b);
  }
  sqrt(): F32 {
    return new F32([...this.code, 0x91]);
  }
  ne(b: F32 | number): I32 {
    return this.#compare(0x5c, b);
  }
  eq(b: F32 | number): I32 {
    return this.#compare(0x5b, b);
  }
  gt(b: F32 | number): I32 {
    return this.#compare(0x5e, b);
  }
  /** Rounds towards zero; NaN and what does not fit saturate. */
  toI32(): I32 {
    return new I32([...this.code, 0xfc, 0x00]);
  }
  toF64(): F64 {
    return new F64([...this.code, 0xbb]);
  }
  splat(): V128 {
    return new V128([...this.code, ...simd(0x13)]);
  }
}

export class F64 extends Value {
  readonly type = 'f64';
  static const = (value: number): F64 => new F64([0x44, ...doubleBytes(value)]);
  static of = (value: F64 | number): F64 => (typeof value === 'number' ? F64.const(value) : value);

  #binary(opcode: number, b: F64 | number): F64 {
    return new F64([...this.code, ...F64.of(b).code, opcode]);
  }
  add(b: F64 | number): F64 {
    return this.#binary(0xa0, b);
  }
  sub(b: F64 | number): F64 {
    return this.#binary(0xa1, b);
  }
  mul(b: F64 | number): F64 {
    return this.#binary(0xa2, b);
  }
  div(b: F64 | number): F64 {
    return this.#binary(0xa3, b);
  }
  sqrt(): F64 {
    return new F64([...this.code, 0x9f]);
  }
  toF32(): F32 {
    return new F32([...this.code, 0xb6]);
  }
}

/** Four float32 lanes; comparisons give lanes of all ones or all zeros, and `...Int` methods see four int32. */
export class V128 extends Value {
  readonly type = 'v128';
  static const = (value: number): V128 => V128.lanes([value, value, value, value]);
  static lanes = (values: readonly number[]): V128 =>
    new V128([...simd(0x0c), ...values.flatMap((value) => floatBytes(value))]);
  static ints = (values: readonly number[]): V128 =>
    new V128([...simd(0x0c), ...new Uint8Array(new Int32Array(values).buffer)]);
  static of = (value: V128 | number): V128 => (typeof value === 'number' ? V128.const(value) : value);

  #unary(opcode: number): V128 {
    return new V128([...this.code, ...simd(opcode)]);
  }
  #binary(opcode: number, b: V128 | number): V128 {
    return new V128([...this.code, ...V128.of(b).code, ...simd(opcode)]);
  }
  add(b: V128 | number): V128 {
    return this.#binary(0xe4, b);
  }
  sub(b: V128 | number): V128 {
    return this.#binary(0xe5, b);
  }
  mul(b: V128 | number): V128 {
    return this.#binary(0xe6, b);
  }
  div(b: V128 | number): V128 {
    return this.#binary(0xe7, b);
  }
  /** NaN if either is. */
  min(b: V128 | number): V128 {
    return this.#binary(0xe8, b);
  }
  max(b: V128 | number): V128 {
    return this.#binary(0xe9, b);
  }
  /** 0 where this is below it; NaN stays. One instruction (`pmax`), where `max` takes several. */
  relu(): V128 {
    return this.#binary(0xeb, 0);
  }
  /** this * b + c, in one rounding where `fused` and the machine allow. */
  madd(b: V128 | number, c: V128 | number, fused: boolean): V128 {
    if (!fused) return this.mul(b).add(c);
    return new V128([...this.code, ...V128.of(b).code, ...V128.of(c).code, ...simd(0x105)]);
  }
  abs(): V128 {
    return this.#unary(0xe0);
  }
  neg(): V128 {
    return this.#unary(0xe1);
  }
  sqrt(): V128 {
    return this.#unary(0xe3);
  }
  nearest(): V128 {
    return this.#unary(0x6a);
  }
  eq(b: V128 | number): V128 {
    return this.#binary(0x41, b);
  }
  ne(b: V128 | number): V128 {
    return this.#binary(0x42, b);
  }
  lt(b: V128 | number): V128 {
    return this.#binary(0x43, b);
  }
  gt(b: V128 | number): V128 {
    return this.#binary(0x44, b);
  }
  le(b: V128 | number): V128 {
    return this.#binary(0x45, b);
  }
  ge(b: V128 | number): V128 {
    return this.#binary(0x46, b);
  }
  and(b: V128 | number): V128 {
    return this.#binary(0x4e, b);
  }
  /** The bits of this that are not in b. */
  andNot(b: V128 | number): V128 {
    return this.#binary(0x4f, b);
  }
  or(b: V128 | number): V128 {
    return this.#binary(0x50, b);
  }
  xor(b: V128 | number): V128 {
    return this.#binary(0x51, b);
  }
  /** This mask's lanes choose between a and b. */
  choose(a: V128 | number, b: V128 | number): V128 {
    return new V128([...V128.of(a).code, ...V128.of(b).code, ...this.code, ...simd(0x52)]);
  }
  anyTrue(): I32 {
    return new I32([...this.code, ...simd(0x53)]);
  }
  /** Lanes of this (0 to 3) and of b (4 to 7). */
  shuffle(b: V128, lanes: readonly [number, number, number, number]): V128 {
    const bytes = lanes.flatMap((lane) => [lane * 4, lane * 4 + 1, lane * 4 + 2, lane * 4 + 3]);
    return new V128([...this.code, ...b.code, ...simd(0x0d), ...bytes]);
  }
  lane(lane: number): F32 {
    return new F32([...this.code, ...simd(0x1f), lane]);
  }
  withLane(lane: number, value: F32): V128 {
    return new V128([...this.code, ...value.code, ...simd(0x20), lane]);
  }
  addInt(b: V128): V128 {
    return this.#binary(0xae, b);
  }
  subInt(b: V128): V128 {
    return this.#binary(0xb1, b);
  }
  ltInt(b: V128): V128 {
    return this.#binary(0x39, b);
  }
  shlInt(bits: number): V128 {
    return new V128([...this.code, ...I32.const(bits).code, ...simd(0xab)]);
  }
  shrInt(bits: number): V128 {
    return new V128([...this.code, ...I32.const(bits).code, ...simd(0xac)]);
  }
  toInt(): V128 {
    return this.#unary(0xf8);
  }
  toFloat(): V128 {
    return this.#unary(0xfa);
  }
}
