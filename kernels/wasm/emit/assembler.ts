/** Builds WebAssembly modules in memory: functions with locals, loops and branches over the values of values.ts. */
import {
  type Code,
  F32,
  F64,
  I32,
  type Local,
  unsignedLeb,
  V128,
  type Value,
  type ValueType,
} from './values.ts';

const TYPE_BYTE: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

const CLASS = { i32: I32, f32: F32, f64: F64, v128: V128 };
export type ValueOf<T extends ValueType> = InstanceType<(typeof CLASS)[T]>;
type ValuesOf<P extends readonly ValueType[]> = { [I in keyof P]: Local<ValueOf<P[I]>> };
type ArgumentsOf<P extends readonly ValueType[]> = { [I in keyof P]: ValueOf<P[I]> | number };

const constant = (type: ValueType, value: number): Value => CLASS[type].const(value);

/** A function that emitted code can call. */
export interface Callable<P extends readonly ValueType[], R extends ValueType | null> {
  readonly index: number;
  readonly params: P;
  readonly result: R;
}

/** The body of one function under construction. */
export class FunctionBuilder {
  readonly #code: number[] = [];
  readonly #locals: ValueType[] = [];
  readonly #params: number;

  constructor(params: number) {
    this.#params = params;
  }

  /** @internal */
  localAt<T extends ValueType>(type: T, index: number): Local<ValueOf<T>> {
    const value = new CLASS[type]([0x20, ...unsignedLeb(index)]) as ValueOf<T>;
    const set = (to: Value | number) =>
      this.#emit(typeof to === 'number' ? constant(type, to).code : to.code, [0x21, ...unsignedLeb(index)]);
    return Object.assign(value, { set }) as Local<ValueOf<T>>;
  }

  #emit(...parts: Code[]): void {
    for (const part of parts) for (const byte of part) this.#code.push(byte);
  }

  #local<T extends ValueType>(type: T, initial?: ValueOf<T> | number): Local<ValueOf<T>> {
    this.#locals.push(type);
    const local = this.localAt(type, this.#params + this.#locals.length - 1);
    if (initial !== undefined) (local.set as (value: ValueOf<T> | number) => void)(initial);
    return local;
  }

  /** A new local, zero until set (once per call of the function, not per turn of a loop). */
  i32(initial?: I32 | number): Local<I32> {
    return this.#local('i32', initial);
  }
  f32(initial?: F32 | number): Local<F32> {
    return this.#local('f32', initial);
  }
  f64(initial?: F64 | number): Local<F64> {
    return this.#local('f64', initial);
  }
  v128(initial?: V128 | number): Local<V128> {
    return this.#local('v128', initial);
  }

  store(address: I32, value: Value, offset = 0): void {
    const opcode = { i32: [0x36], f32: [0x38], f64: [0x39], v128: [0xfd, 0x0b] }[value.type];
    this.#emit(address.code, value.code, opcode, [value.type === 'f64' ? 3 : 2], unsignedLeb(offset));
  }

  /** Stores one lane of a vector as float32. */
  storeLane(address: I32, vector: V128, lane: number, offset = 0): void {
    this.#emit(address.code, vector.code, [0xfd, 0x5a, 2], unsignedLeb(offset), [lane]);
  }

  /** Stores lanes 0 and 1 of a vector, or 2 and 3. */
  storeHalf(address: I32, vector: V128, half: 0 | 1, offset = 0): void {
    this.#emit(address.code, vector.code, [0xfd, 0x5b, 2], unsignedLeb(offset), [half]);
  }

  copyMemory(target: I32, source: I32, bytes: I32): void {
    this.#emit(target.code, source.code, bytes.code, [0xfc, 0x0a, 0, 0]);
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#emit(condition.code, [0x04, 0x40]);
    then();
    if (otherwise) {
      this.#emit([0x05]);
      otherwise();
    }
    this.#emit([0x0b]);
  }

  while(condition: I32, body: () => void): void {
    this.if(condition, () => {
      this.#emit([0x03, 0x40]);
      body();
      this.#emit(condition.code, [0x0d, 0, 0x0b]);
    });
  }

  /** for (i = start; i < end; i += step), signed; `end` and `step` are evaluated on each turn. */
  for(
    start: I32 | number,
    end: I32 | number,
    body: (i: Local<I32>) => void,
    step: I32 | number = 1,
    i = this.i32(),
  ): void {
    i.set(start);
    this.while(i.lt(end), () => {
      body(i);
      i.set(i.add(step));
    });
  }

  /** `count` turns of `body`. */
  repeat(count: I32, body: () => void): void {
    const left = this.i32(count);
    this.while(left.gt(0), () => {
      body();
      left.set(left.sub(1));
    });
  }

  #callCode<P extends readonly ValueType[]>(f: Callable<P, ValueType | null>, args: ArgumentsOf<P>): Code {
    const values = args as readonly (Value | number)[];
    const codes = values.map((arg, i) => (typeof arg === 'number' ? constant(f.params[i], arg) : arg).code);
    return [...codes.flat(), 0x10, ...unsignedLeb(f.index)];
  }
  call<P extends readonly ValueType[]>(f: Callable<P, null>, ...args: ArgumentsOf<P>): void {
    this.#emit(this.#callCode(f, args));
  }
  /** The value that a function returns. */
  result<P extends readonly ValueType[], R extends ValueType>(
    f: Callable<P, R>,
    ...args: ArgumentsOf<P>
  ): ValueOf<R> {
    return new CLASS[f.result](this.#callCode(f, args)) as ValueOf<R>;
  }

  /** @internal The function's entry of the code section. */
  finish(result?: Value): number[] {
    if (result) this.#emit(result.code);
    const locals = this.#locals.map((type) => [1, TYPE_BYTE[type]]);
    const body = [...unsignedLeb(locals.length), ...locals.flat(), ...this.#code, 0x0b];
    return [...unsignedLeb(body.length), ...body];
  }
}

const name = (text: string): number[] => {
  const bytes = new TextEncoder().encode(text);
  return [...unsignedLeb(bytes.length), ...bytes];
};

/** A module that imports `env.memory`, and functions of `env` by name. */
export class ModuleBuilder {
  readonly #shared: boolean;
  readonly #types: number[][] = [];
  readonly #imports: number[][] = [];
  readonly #functions: number[] = [];
  readonly #bodies: number[][] = [];
  readonly #exports: number[][] = [];

  /** `shared`: whether the memory is a shared one of at most 4 GiB. */
  constructor(shared: boolean) {
    this.#shared = shared;
  }

  #type(params: readonly ValueType[], result: ValueType | null): number {
    const bytes = [0x60, params.length, ...params.map((type) => TYPE_BYTE[type])];
    bytes.push(...(result ? [1, TYPE_BYTE[result]] : [0]));
    const known = this.#types.findIndex((other) => other.join() === bytes.join());
    return known >= 0 ? known : this.#types.push(bytes) - 1;
  }

  /** An imported function; all imports come before the first own function. */
  import<const P extends readonly ValueType[], R extends ValueType | null>(
    importName: string,
    params: P,
    result: R,
  ): Callable<P, R> {
    if (this.#functions.length) throw new Error(`import ${importName} comes after the first function`);
    const type = this.#type(params, result);
    this.#imports.push([...name('env'), ...name(importName), 0x00, ...unsignedLeb(type)]);
    return { index: this.#imports.length - 1, params, result };
  }

  /** A function; its body gets the parameters as locals and returns the result, if there is one. */
  function<const P extends readonly ValueType[], R extends ValueType | null = null>(
    params: P,
    result: R,
    body: (f: FunctionBuilder, ...params: ValuesOf<P>) => R extends ValueType ? ValueOf<R> : void,
  ): Callable<P, R> {
    const f = new FunctionBuilder(params.length);
    const values = params.map((type, i) => f.localAt(type, i)) as unknown as ValuesOf<P>;
    this.#bodies.push(f.finish(body(f, ...values) as Value | undefined));
    this.#functions.push(this.#type(params, result));
    return { index: this.#imports.length + this.#functions.length - 1, params, result };
  }

  export(exportName: string, f: Callable<readonly ValueType[], ValueType | null>): void {
    this.#exports.push([...name(exportName), 0x00, ...unsignedLeb(f.index)]);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const limits = this.#shared ? [0x03, 0, ...unsignedLeb(65536)] : [0x00, 0];
    const memory = [...name('env'), ...name('memory'), 0x02, ...limits];
    const section = (id: number, items: readonly Code[]): number[] => {
      const body = [...unsignedLeb(items.length), ...items.flat()];
      return items.length ? [id, ...unsignedLeb(body.length), ...body] : [];
    };
    return Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(1, this.#types),
      ...section(2, [...this.#imports, memory]),
      ...section(
        3,
        this.#functions.map((type) => unsignedLeb(type)),
      ),
      ...section(7, this.#exports),
      ...section(10, this.#bodies),
    ]);
  }
}
