import { DeviceError } from '../../errors.ts';
import { host } from '../host.ts';
import { BlockSizes } from './block-sizes.ts';
import { type Block, FreeBlocks } from './free-blocks.ts';

/** Blocks are whole cache lines, so that kernels may read and write up to the end of the last vector. */
const LINE = 64;
const PAGE = 65536;
const GROWTH = 256;
const MAX_PAGES = 65536;

/**
 * A best-fit allocator over one growing WebAssembly memory. Neighbouring free blocks are joined, so a training step
 * finds again the blocks that the step before gave back. Everything below `base` is left alone.
 */
export class WasmHeap {
  readonly memory: WebAssembly.Memory;
  /** Frees blocks that can be done without, where there is no room for another; tells whether there were any. */
  reclaim: () => boolean = () => false;
  readonly #limit: number;
  readonly #base: number;
  readonly #free = new FreeBlocks();
  /** A live block's size at its first line; a free block's, negative, at its first and last lines. */
  readonly #sizes = new BlockSizes(LINE);
  /** Live blocks that do not count as in use. */
  readonly #pinned = new Set<number>();
  #end: number;
  #bytesInUse = 0;
  #f32: Float32Array;
  #i32: Int32Array;

  constructor(shared: boolean, base: number) {
    const { memory, pages } = createMemory(shared);
    this.memory = memory;
    this.#limit = pages * PAGE;
    this.#base = base;
    this.#end = base;
    this.#f32 = new Float32Array(this.memory.buffer);
    this.#i32 = new Int32Array(this.memory.buffer);
  }

  get bytesInUse(): number {
    return this.#bytesInUse;
  }

  get bytesHeld(): number {
    return this.memory.buffer.byteLength;
  }

  get f32(): Float32Array {
    if (this.#f32.buffer !== this.memory.buffer) this.#f32 = new Float32Array(this.memory.buffer);
    return this.#f32;
  }

  get i32(): Int32Array {
    if (this.#i32.buffer !== this.memory.buffer) this.#i32 = new Int32Array(this.memory.buffer);
    return this.#i32;
  }

  /**
   * The address of a block of at least `bytes`, a multiple of 64.
   * @throws DeviceError when memory is full, and for bytes that are no whole number
   */
  allocate(bytes: number): number {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new DeviceError(`wasm: a block of ${bytes} bytes; wants a whole number`);
    }
    const wanted = Math.max(LINE, Math.ceil(bytes / LINE) * LINE);
    let address = this.#take(wanted);
    if (address === null && this.reclaim()) address = this.#take(wanted);
    if (address === null) throw this.#full(wanted);
    this.#sizes.set(address, wanted);
    this.#bytesInUse += wanted;
    return address;
  }

  /** A block of `bytes`, the best fit or at the end, or null where there is none. */
  #take(bytes: number): number | null {
    const found = this.#free.bestFit(bytes);
    if (!found) return this.#extend(bytes);
    this.#remove(found);
    if (found.bytes > bytes) this.#insert({ address: found.address + bytes, bytes: found.bytes - bytes });
    return found.address;
  }

  /** A block stays live, but counts as held, not as in use. */
  pin(address: number): void {
    this.#pinned.add(address);
    this.#bytesInUse -= this.#sizeOf(address);
  }

  /** The bytes of a live block. */
  #sizeOf(address: number): number {
    const bytes = this.#sizes.get(address);
    if (!(bytes > 0)) throw new DeviceError(`wasm: no live block at address ${address}`);
    return bytes;
  }

  free(address: number): void {
    const bytes = this.#sizeOf(address);
    this.#sizes.set(address, 0);
    if (!this.#pinned.delete(address)) this.#bytesInUse -= bytes;
    const [before, after] = [this.#freeBytes(address - LINE), this.#freeBytes(address + bytes)];
    if (before) this.#remove({ address: address - before, bytes: before });
    if (after) this.#remove({ address: address + bytes, bytes: after });
    this.#insert({ address: address - before, bytes: before + bytes + after });
  }

  /** The bytes of the free block that starts or ends with the line at `address`; 0 where none does. */
  #freeBytes(address: number): number {
    return Math.max(0, -this.#sizes.get(address));
  }

  /** Takes `bytes` at the end of what is used, growing the memory where it must; null where it cannot. */
  #extend(bytes: number): number | null {
    const tail = this.#freeBytes(this.#end - LINE);
    const address = this.#end - tail;
    const end = address + bytes;
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0 && !this.#grow(missing, end)) return null;
    if (tail) this.#remove({ address, bytes: tail });
    this.#end = end;
    return address;
  }

  #grow(missing: number, end: number): boolean {
    const spare = (this.#limit - this.memory.buffer.byteLength) / PAGE;
    for (const pages of [Math.min(Math.max(missing, GROWTH), spare), missing]) {
      if (end > this.#limit || pages < missing) break;
      try {
        this.memory.grow(pages);
        return true;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return false;
  }

  #full(bytes: number): DeviceError {
    const megabytes = (count: number) => `${Math.round(count / 2 ** 20)} MiB`;
    return new DeviceError(
      `wasm: no room for a block of ${megabytes(bytes)}: ${megabytes(this.#bytesInUse)} are in use, ` +
        `${megabytes(this.bytesHeld - this.#base - this.#bytesInUse)} free in smaller pieces, and the memory ` +
        `cannot grow beyond ${megabytes(this.#limit)}; reduce the batch size or the image size`,
    );
  }

  #insert(block: Block): void {
    this.#free.insert(block);
    this.#tag(block, -block.bytes);
  }

  #remove(block: Block): void {
    this.#free.remove(block);
    this.#tag(block, 0);
  }

  #tag({ address, bytes }: Block, size: number): void {
    this.#sizes.set(address, size);
    this.#sizes.set(address + bytes - LINE, size);
  }
}

/** @throws DeviceError where the system leaves too little address space, saying how much it takes. */
function createMemory(shared: boolean): { memory: WebAssembly.Memory; pages: number } {
  let cause: unknown;
  for (const maximum of [MAX_PAGES, MAX_PAGES / 2, MAX_PAGES / 4]) {
    try {
      return { memory: new WebAssembly.Memory({ initial: GROWTH, maximum, shared }), pages: maximum };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      cause = error;
    }
  }
  throw new DeviceError(`wasm: the system has too little address space: ${NEED[host]}`, { cause });
}

/** By trial with two threads. Node 20 and 22 do not run at all with less; later versions do, with slower kernels. */
const NEED: Record<typeof host, string> = {
  node:
    'V8 reserves 10 GiB for a WebAssembly memory, whatever its size, and Node wants 12 GiB in all (ulimit -v 12582912); ' +
    'node --disable-wasm-trap-handler does with 6 GiB, but is slower',
  bun: 'a WebAssembly memory reserves 1 GiB at least, and Bun wants 4 GiB in all (ulimit -v 4194304)',
  deno: 'a WebAssembly memory reserves 1 GiB at least',
  browser: 'a WebAssembly memory reserves 1 GiB at least',
};
