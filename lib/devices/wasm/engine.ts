import {
  ARGUMENTS_ADDRESS,
  type Arguments,
  type Kernel,
  type Target,
} from '../../../kernels/wasm/emit/kernel.ts';
import { microModule, type TileShape, tileShape } from '../../../kernels/wasm/gemm/micro-kernel.ts';
import { DeviceError } from '../../errors.ts';
import { WasmHeap } from './heap.ts';
import { PackedWeights } from './packed-weights.ts';
import { MAX_TASKS, type RunTask, ThreadPool } from './threads.ts';
import { chooseVariant, targetOf, type WasmVariant } from './variant.ts';

/** Where the heap begins: the threads' control words and the arguments lie below. */
const HEAP_BASE = 4096;
/** Modules' bytes are kept together, in blocks of this size or more. */
const CODE_BLOCK = 1 << 18;

interface Compiled {
  readonly run: RunTask;
  readonly number: number;
  /** The module's bytes in the heap, for the workers. */
  readonly code: number;
  readonly codeBytes: number;
}

/** Compiles kernels on first use and runs them on the pool's threads, over one memory. */
export class WasmEngine {
  readonly heap: WasmHeap;
  readonly packed: PackedWeights;
  readonly target: Target;
  readonly shape: TileShape;
  /** The instructions in use, in words. */
  readonly instructions: string;
  readonly threads: number;
  readonly winograd: boolean;
  readonly #pool: ThreadPool;
  readonly #env: WebAssembly.ModuleImports;
  readonly #kernels = new Map<string, Compiled>();
  /** The unused rest of the current block of code memory. */
  readonly #codeBlock = { address: 0, bytes: 0 };

  private constructor(
    heap: WasmHeap,
    instructions: string,
    target: Target,
    micro: WebAssembly.Module,
    pool: ThreadPool,
    winograd: boolean,
  ) {
    this.heap = heap;
    this.packed = new PackedWeights(heap);
    this.instructions = instructions;
    this.target = target;
    this.shape = tileShape(target);
    this.threads = pool.threads;
    this.winograd = winograd;
    this.#pool = pool;
    const env = { memory: heap.memory, pow: Math.pow };
    this.#env = { ...env, ...new WebAssembly.Instance(micro, { env }).exports };
  }

  static async start(threads: number, asked: WasmVariant | 'auto', winograd = true): Promise<WasmEngine> {
    const shared = typeof SharedArrayBuffer !== 'undefined';
    const heap = new WasmHeap(shared, HEAP_BASE);
    const { variant, description } = await chooseVariant(asked, heap.memory);
    const target = targetOf(variant, shared);
    const micro = new WebAssembly.Module(microModule(target));
    const pool = await ThreadPool.start(shared ? threads : 1, heap.memory, micro);
    return new WasmEngine(heap, description, target, micro, pool, winograd);
  }

  /** Runs the kernel's tasks 0 to `tasks - 1` and returns when they are done. */
  launch<P extends Kernel['params']>(kernel: Kernel<P>, tasks: number, values: Arguments<P>): void {
    if (tasks > MAX_TASKS) throw new DeviceError(`wasm: ${kernel.key}: ${tasks} tasks, at most ${MAX_TASKS}`);
    const { run, number, code, codeBytes } = this.#kernels.get(kernel.key) ?? this.#compile(kernel);
    const { i32, f32 } = this.heap;
    let index = ARGUMENTS_ADDRESS / 4;
    for (const name in kernel.params) {
      if (kernel.params[name] === 'i32') i32[index++] = values[name];
      else f32[index++] = values[name];
    }
    this.#pool.run(run, number, code, codeBytes, tasks);
  }

  #compile(kernel: Kernel): Compiled {
    const bytes = kernel.build(this.target);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: this.#env });
    const compiled = {
      run: instance.exports.run as RunTask,
      number: this.#kernels.size,
      code: this.threads > 1 ? this.#keepCode(bytes) : 0,
      codeBytes: bytes.length,
    };
    this.#kernels.set(kernel.key, compiled);
    return compiled;
  }

  #keepCode(bytes: Uint8Array): number {
    const block = this.#codeBlock;
    if (block.bytes < bytes.length) {
      block.bytes = Math.max(CODE_BLOCK, bytes.length);
      block.address = this.heap.allocate(block.bytes);
      this.heap.pin(block.address);
    }
    const code = block.address;
    new Uint8Array(this.heap.memory.buffer, code, bytes.length).set(bytes);
    block.address += bytes.length;
    block.bytes -= bytes.length;
    return code;
  }

  /** Calls `use` with the address of a block that lives as long as the call. */
  withScratch<T>(bytes: number, use: (address: number) => T): T {
    const address = this.heap.allocate(bytes);
    try {
      return use(address);
    } finally {
      this.heap.free(address);
    }
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }
}
