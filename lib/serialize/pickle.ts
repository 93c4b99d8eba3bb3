import { FormatError, quote } from '../errors.ts';

/**
 * A restricted unpickler: the opcodes that PyTorch's weights-only loader takes (torch/_weights_only_unpickler.py),
 * and no others. A pickle is a program; this one can build lists, dicts, tuples and numbers, and call the functions
 * that its caller lists. Nothing else has a name here, so nothing else can run.
 */

/** What a pickled global may stand for. A `call` gets the arguments of REDUCE or NEWOBJ. */
export interface PickleGlobal {
  readonly name: string;
  readonly call?: (args: readonly unknown[]) => unknown;
}

interface UnpickleOptions {
  /** Resolves `module.name`, or null if it is not allowed. */
  readonly global: (name: string) => PickleGlobal | null;
  /** Resolves a persistent id. */
  readonly persistent: (id: unknown) => unknown;
}

/** A Python dict, in insertion order; attributes set by BUILD are dropped. An empty one, which takes a byte to write, takes few to keep. */
export class PickleDict {
  #items: Map<unknown, unknown> | null = null;

  get(key: unknown): unknown {
    return this.#items?.get(key);
  }

  set(key: unknown, value: unknown): void {
    this.#items ??= new Map();
    this.#items.set(key, value);
  }

  entries(): [key: unknown, value: unknown][] {
    return [...(this.#items ?? [])];
  }
}

const MARK = Symbol('mark');

/**
 * Runs one pickle that starts at `offset`.
 * @returns the object, and the offset behind its STOP
 * @throws FormatError at the first byte that is truncated, not allowed or out of place
 */
export function unpickle(
  bytes: Uint8Array,
  offset: number,
  options: UnpickleOptions,
): { value: unknown; end: number } {
  const machine = new Machine(bytes, offset, options);
  return { value: machine.run(), end: machine.offset };
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: UnpickleOptions;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  /** How many list items calls may still be given: every list is written once, so no more than there are bytes. */
  #itemsLeft: number;
  offset: number;

  constructor(bytes: Uint8Array, offset: number, options: UnpickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.offset = offset;
    this.#itemsLeft = bytes.length - offset;
  }

  #fail(what: string): never {
    throw new FormatError(`pickle: ${what}, at byte ${this.offset}`);
  }

  /** Steps over `count` bytes that must exist; returns where they start. */
  #take(count: number): number {
    const start = this.offset;
    if (count < 0 || start + count > this.#bytes.length) {
      this.#fail(`truncated: wants ${count} bytes, ${this.#bytes.length - start} are left`);
    }
    this.offset += count;
    return start;
  }

  #byte = (): number => this.#bytes[this.#take(1)];
  #uint16 = (): number => this.#view.getUint16(this.#take(2), true);
  #int32 = (): number => this.#view.getInt32(this.#take(4), true);
  #uint32 = (): number => this.#view.getUint32(this.#take(4), true);

  #text(length: number, encoding: 'utf-8' | 'latin1'): string {
    const start = this.#take(length);
    return new TextDecoder(encoding).decode(this.#bytes.subarray(start, start + length));
  }

  /** The text up to the next newline. */
  #line(): string {
    const end = this.#bytes.indexOf(10, this.offset);
    if (end < 0) this.#fail('truncated: a line has no end');
    const text = this.#text(end - this.offset, 'utf-8');
    this.offset++;
    return text;
  }

  /** A little-endian two's complement integer: a number, or a bigint where a number would round. */
  #long(length: number): number | bigint {
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #pop(): unknown {
    if (this.#stack.length === 0 || this.#stack.at(-1) === MARK) this.#fail('the stack is empty');
    return this.#stack.pop();
  }

  #popMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) this.#fail('no mark on the stack');
    return this.#stack.splice(mark).slice(1);
  }

  #popArray(): unknown[] {
    const value = this.#pop();
    if (!Array.isArray(value)) this.#fail('a tuple of arguments is missing');
    return value;
  }

  #top<T>(type: new (...args: never[]) => T, what: string): T {
    const value = this.#stack.at(-1);
    if (!(value instanceof type)) this.#fail(`${what} is missing under the items`);
    return value;
  }

  #setItems(items: readonly unknown[]): void {
    const dict = this.#top(PickleDict, 'a dict');
    if (items.length % 2 !== 0) this.#fail('a dict key has no value');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top(Array<unknown>, 'a list');
    for (const item of items) list.push(item);
  }

  #global(): PickleGlobal {
    const name = `${this.#line()}.${this.#line()}`;
    const found = this.#options.global(name);
    if (!found) this.#fail(`the global ${quote(name)} is not allowed in a file of weights`);
    return found;
  }

  #call(): void {
    const args = this.#popArray();
    const callee = this.#pop() as Partial<PickleGlobal> | null;
    if (typeof callee !== 'object' || typeof callee?.call !== 'function') {
      this.#fail(`${quote(callee?.name ?? callee)} cannot be called`);
    }
    for (const arg of args) if (Array.isArray(arg)) this.#itemsLeft -= arg.length;
    if (this.#itemsLeft < 0) this.#fail('its calls are given the same lists again and again');
    this.#stack.push(callee.call(args));
  }

  #get(key: number): void {
    if (!this.#memo.has(key)) this.#fail(`memo ${key} was never set`);
    this.#stack.push(this.#memo.get(key));
  }

  #put(key: number): void {
    if (this.#stack.length === 0) this.#fail('the stack is empty');
    this.#memo.set(key, this.#stack.at(-1));
  }

  run(): unknown {
    const stack = this.#stack;
    for (;;) {
      const opcode = String.fromCharCode(this.#byte());
      switch (opcode) {
        case '\x80': {
          const protocol = this.#byte();
          if (protocol !== 2) this.#fail(`protocol ${protocol} is not read, want 2 (torch.save's default)`);
          break;
        }
        case '.':
          return this.#pop();
        case 'c':
          stack.push(this.#global());
          break;
        case 'R':
        case '\x81':
          this.#call();
          break;
        case 'b':
          this.#pop();
          if (stack.length === 0) this.#fail('BUILD has no object');
          break;
        case 'Q':
          stack.push(this.#options.persistent(this.#pop()));
          break;
        case '(':
          stack.push(MARK);
          break;
        case 't':
          stack.push(this.#popMark());
          break;
        case ')':
        case ']':
          stack.push([]);
          break;
        case '\x85':
          stack.push([this.#pop()]);
          break;
        case '\x86':
        case '\x87': {
          const items = [this.#pop(), this.#pop()];
          if (opcode === '\x87') items.push(this.#pop());
          stack.push(items.reverse());
          break;
        }
        case '}':
          stack.push(new PickleDict());
          break;
        case 'a':
          this.#append([this.#pop()]);
          break;
        case 'e':
          this.#append(this.#popMark());
          break;
        case 's': {
          const value = this.#pop();
          this.#setItems([this.#pop(), value]);
          break;
        }
        case 'u':
          this.#setItems(this.#popMark());
          break;
        case 'N':
          stack.push(null);
          break;
        case '\x88':
        case '\x89':
          stack.push(opcode === '\x88');
          break;
        case 'J':
          stack.push(this.#int32());
          break;
        case 'K':
          stack.push(this.#byte());
          break;
        case 'M':
          stack.push(this.#uint16());
          break;
        case '\x8a':
          stack.push(this.#long(this.#byte()));
          break;
        case 'G':
          stack.push(this.#view.getFloat64(this.#take(8), false));
          break;
        case 'X':
          stack.push(this.#text(this.#uint32(), 'utf-8'));
          break;
        case 'U':
          stack.push(this.#text(this.#byte(), 'latin1'));
          break;
        case 'T':
          stack.push(this.#text(this.#uint32(), 'latin1'));
          break;
        case 'h':
          this.#get(this.#byte());
          break;
        case 'j':
          this.#get(this.#uint32());
          break;
        case 'q':
          this.#put(this.#byte());
          break;
        case 'r':
          this.#put(this.#uint32());
          break;
        default:
          this.offset--;
          this.#fail(`opcode 0x${opcode.charCodeAt(0).toString(16)} is not allowed in a file of weights`);
      }
    }
  }
}
